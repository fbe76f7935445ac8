"""Decode cmind's dictionary by the table of its command; every mistake is refused in a line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cmind_input import check_output, on_console, options_of, with_extra
from scriptgraph.cli.commands.subject import named_subject, no_subject, tagged_subject
from scriptgraph.cli.commands.values import decode_option, decode_value_of
from scriptgraph.errors import RequestError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.cli.commands.table import Command
    from scriptgraph.manifest.types import Values


class Arguments(Immutable):
    """A decoded command.

    Attributes:
        word: the tags or the name that was given, in text.
        tags: those of --tags beside a name.
        values: the command's own options that were given, decoded by their kinds.
        others: options of whatever the command is open to.
        rest: the words after `--`.
        as_json: another program reads the answer; nothing else may be printed.
        typed: the whole command line.
        steered: dependencies that only CM_SCRIPT_EXTRA_CMD names.
    """

    command: Command
    word: str
    tags: tuple[str, ...]
    values: Mapping[str, Any]
    others: Values
    rest: tuple[str, ...]
    as_json: bool
    typed: tuple[str, ...] = ()
    steered: frozenset[str] = frozenset()

    def on(self, *names: str) -> bool:
        """Return whether one of these switches is on."""
        return any(self.values.get(name, False) for name in names)

    def text(self, name: str) -> str:
        """Return an option that is a text, or an empty text."""
        return str(self.values.get(name, ""))

    def path(self, name: str) -> Path | None:
        """Return an option that is a path."""
        found = self.values.get(name)
        return found if isinstance(found, Path) else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of an option that is a list."""
        return tuple(self.values.get(name, ()))

    def require_known(self, names: Iterable[str]) -> None:
        """Raise RequestError if there are options that are neither the command's own nor among these names."""
        known = {name.replace("-", "_") for name in names}
        for name in self.others:
            if name not in known:
                raise unknown_option(self.command, name, known)


def decode(command: Command, given: Mapping[str, Any]) -> Arguments:
    """Decode a command.

    Raises:
        RequestError: a stray word, an unknown option, one given twice, without a value or with a wrong one.
    """
    check_output(given)
    options, steered = _typed_and_extra(command, given)
    word, tags = _subject(command, given, options)
    values = {}
    for option in command.options:
        spelled = {name: options.pop(name) for name in (option.name, *option.also) if name in options}
        if spelled and (value := decode_option(option, spelled)) is not None:
            values[option.name] = value
    if options and not command.open_to:
        raise unknown_option(command, next(iter(options)))
    return Arguments(
        command,
        word,
        tags,
        values,
        {name: decode_value_of(f"--{name}", value) for name, value in options.items()},
        tuple(map(str, given.get("unparsed_cmd") or ())) if command.rest else (),
        as_json=not on_console(given),
        typed=tuple(map(str, given.get("cmd") or ())),
        steered=steered,
    )


def subject_of(command: Command, given: Mapping[str, Any]) -> str:
    """Return the tags or the name that stand beside `--help`, if any."""
    tags, word = given.get("tags"), str(given.get("artifact") or "")
    tagged = command.word == "tags" and isinstance(tags, str)
    return str(tags) if tagged else "" if word == "help" else word


def unknown_option(command: Command, name: str, more: Iterable[str] = ()) -> RequestError:
    """Return the error for an unknown option: the nearest name, and where the rest is listed."""
    close = nearest(name, command.spellings | set(more), 1)
    hint = f"did you mean --{close[0]}? " if close else ""
    return RequestError(f"--{name}: not known here; {hint}{command.advice}")


def _typed_and_extra(command: Command, given: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return all options, and the dependencies that only CM_SCRIPT_EXTRA_CMD names."""
    typed = options_of(given)
    for name in typed.keys() & command.refused.keys():
        raise RequestError(f"--{name} {command.refused[name]}")
    if not command.extra:
        return typed, frozenset()
    whole, steered = with_extra(given)
    options = options_of(whole)
    if command.extra == "own":
        options = {name: value for name, value in options.items() if name in typed or name in command.spellings}
    return options, steered


def _subject(command: Command, given: Mapping[str, Any], options: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Take what the command is about out of its options: the word or the name, and the tags beside a name."""
    if command.word == "tags":
        return tagged_subject(given, options.pop("tags", None)), ()
    if command.word == "name":
        tags, name = (options.pop(each, None) if each in command.spellings else None for each in ("tags", "name"))
        return named_subject(command, given, tags, name)
    no_subject(given)
    return "", ()
