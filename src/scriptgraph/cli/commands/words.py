"""Parse the words of a command line into cmind's dictionary, without importing cmind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence


def parse_words(words: Sequence[str]) -> dict[str, Any]:
    """Return the dictionary that cmind makes of the same words.

    The first two words are `action` and `automation`, further ones `artifact` and `artifacts`; the rest are options.

    Raises:
        RequestError: a file named by `@` cannot be read, a list has no values, or an option is a value and has parts
            too.
    """
    before = words[: words.index("--")] if "--" in words else words
    if any(word.startswith("@") for word in before):
        return _parsed_by_cmind(words)
    found: dict[str, Any] = {}
    rest = list(words)
    for key in ("action", "automation"):
        if rest and rest[0].strip() and rest[0].strip()[0] not in "-@":
            found[key] = rest.pop(0)
    found["cmd"] = list(rest)
    artifact, artifacts = "", []
    for place, word in enumerate(rest):
        if word == "--":
            found["unparsed_cmd"] = rest[place + 1 :]
            break
        if word.startswith("-"):
            _add_option(found, word)
        elif artifact:
            artifacts.append(word)
        else:
            artifact = found["artifact"] = word
    return {**found, "artifacts": artifacts} if artifacts else found


def _add_option(found: dict[str, Any], word: str) -> None:
    """Add an option: `--key=value`, `--key` (on), `--key-` (off), `--key,=a,b` or `--key.part=value`."""
    name, equals, text = word.partition("=")
    value: Any
    if equals:  # a word that begins with a dash has a name
        key, value = name.strip(), text.strip()
    else:
        key, value = word.removesuffix("-"), not word.endswith("-")
    key = key.removeprefix("-").removeprefix("-")
    if key.endswith(","):
        if not equals:
            raise RequestError(f"{word}: a list needs values; write --NAME,=WORD,WORD")
        key, value = key[:-1], value.split(",") if value else []
    first, *parts = key.split(".")
    if not parts:
        found[first.replace("-", "_")] = value
        return
    block, *inner = first.replace("-", "_"), *parts[:-1]
    place = found
    for each in (block, *inner):
        place = place.setdefault(each, {})
        if not isinstance(place, dict):
            raise RequestError(f"{word}: another word sets {block} to a value, which has no parts; keep one of them")
    place[parts[-1]] = value


def _parsed_by_cmind(words: Sequence[str]) -> dict[str, Any]:
    from cmind.cli import parse  # noqa: PLC0415 - most commands name no file

    answer = parse(list(words))
    if answer["return"]:
        raise RequestError(answer["error"])
    return dict(answer["cm_input"])
