"""Decode the subject of a command: the tags of a script or an entry, or a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cmind_input import strays_of
from scriptgraph.errors import RequestError
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.cli.commands.table import Command


def tagged_subject(cmind_input: Mapping[str, Any], tags: Any) -> str:
    """Return the tags of --tags or of the word, which mean the same.

    Raises:
        RequestError: there is a word beside --tags, or a second word.
    """
    word = _word(cmind_input)
    if not isinstance(tags, (str, list, tuple)):  # cmind reads "--tags a,b" as a switch and a word
        _refuse_strays(cmind_input)
        return word
    text = ",".join(map(str, tags)) if isinstance(tags, (list, tuple)) else tags
    strays = strays_of(cmind_input, rest=False)
    if strays:
        _refuse([word, *strays] if word else strays)
    if word:
        raise RequestError(f"stray word: {word!r} beside --tags={text}; write tags with commas and no spaces")
    return text


def named_subject(
    command: Command, cmind_input: Mapping[str, Any], tags: Any, name: Any
) -> tuple[str, tuple[str, ...]]:
    """Return the name and the tags.

    Raises:
        RequestError: there are two names, a second word, or a name and tags for a command that takes one of them.
    """
    _refuse_strays(cmind_input, rest=bool(command.rest))
    names = sorted({_word(cmind_input), as_text(name) if isinstance(name, (str, int)) else ""} - {""})
    if len(names) > 1:
        raise RequestError(f"two names: {' and '.join(names)}; give {command.line} one")
    joined = ",".join(map(str, tags)) if isinstance(tags, (list, tuple)) else tags if isinstance(tags, str) else ""
    words = tuple(word for word in (each.strip() for each in joined.split(",")) if word)
    if names and words and not command.named_and_tagged:
        raise RequestError(f"{names[0]} and --tags={','.join(words)}: give a name or tags, not both")
    return "".join(names), words


def no_subject(cmind_input: Mapping[str, Any]) -> None:
    """Raise RequestError if there is any word."""
    strays = [word for word in (_word(cmind_input), *strays_of(cmind_input, rest=False)) if word]
    if strays:
        _refuse(strays)


def _word(cmind_input: Mapping[str, Any]) -> str:
    return str(cmind_input.get("artifact") or "")


def _refuse_strays(cmind_input: Mapping[str, Any], *, rest: bool = False) -> None:
    if strays := strays_of(cmind_input, rest=rest):
        _refuse(strays)


def _refuse(strays: list[str]) -> None:
    words = " ".join(strays)
    raise RequestError(f"stray words: {words}; options are written --name=value, without spaces around the =")
