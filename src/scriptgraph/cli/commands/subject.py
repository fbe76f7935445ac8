"""Decode the subject of a command: the tags of a script or an entry, or a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cmind_input import strays_of
from scriptgraph.errors import RequestError
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.cli.commands.table import Command


_NO_TAGS = "--tags: needs a value; write --tags=TAG,..."
_NO_NAME = "--name: needs a value; write --name=NAME"


def tagged_subject(command: Command, cmind_input: Mapping[str, Any], tags: Any) -> str:
    """Return the tags of --tags or of the word, which mean the same.

    A command with a question asks it if there are no tags; for others, tags without a word would select everything.

    Raises:
        RequestError: there is a word beside --tags, a second word, or no tag in either.
    """
    word, rest = _word(cmind_input), bool(command.rest)
    if tags is None or (isinstance(tags, bool) and word):  # cmind reads "--tags a,b" as a switch and a word
        _refuse_strays(cmind_input, rest=rest)
        return _with_a_tag(command, word) if word else ""
    text = _joined(tags)
    strays = strays_of(cmind_input, rest=rest)
    if strays:
        _refuse([word, *strays] if word else strays)
    if word:
        raise RequestError(f"stray word: {word!r} beside --tags={text}; write tags with commas and no spaces")
    return _with_a_tag(command, text)


def named_subject(
    command: Command, cmind_input: Mapping[str, Any], tags: Any, name: Any
) -> tuple[str, tuple[str, ...]]:
    """Return the name and the tags.

    Raises:
        RequestError: there are two names, a second word, an option without a value, or a name and tags for a command
            that takes one of them.
    """
    _refuse_strays(cmind_input, rest=bool(command.rest))
    if isinstance(name, (bool, dict, list, tuple)):
        raise RequestError(_NO_NAME)
    names = sorted({_word(cmind_input), as_text(name)} - {""})
    if len(names) > 1:
        raise RequestError(f"two names: {' and '.join(names)}; give {command.line} one")
    words = tuple(word for word in (each.strip() for each in _joined(tags).split(",")) if word)
    if tags is not None and not words:
        raise RequestError(_NO_TAGS)
    if names and words and not command.named_and_tagged:
        raise RequestError(f"{names[0]} and --tags={','.join(words)}: give a name or tags, not both")
    return "".join(names), words


def no_subject(cmind_input: Mapping[str, Any]) -> None:
    """Raise RequestError if there is any word."""
    strays = [word for word in (_word(cmind_input), *strays_of(cmind_input, rest=False)) if word]
    if strays:
        _refuse(strays)


def _joined(tags: Any) -> str:
    """Return the tags of an option as text; "" for an option without a value."""
    return ",".join(map(str, tags)) if isinstance(tags, (list, tuple)) else tags if isinstance(tags, str) else ""


def _with_a_tag(command: Command, text: str) -> str:
    if not command.question and not text.strip("-_, \t\n"):
        raise RequestError(_NO_TAGS)
    return text


def _word(cmind_input: Mapping[str, Any]) -> str:
    return str(cmind_input.get("artifact") or "")


def _refuse_strays(cmind_input: Mapping[str, Any], *, rest: bool = False) -> None:
    if strays := strays_of(cmind_input, rest=rest):
        _refuse(strays)


def _refuse(strays: list[str]) -> None:
    words = " ".join(strays)
    raise RequestError(f"stray words: {words}; options are written --name=value, without spaces around the =")
