"""Decode cmind's dictionary by the table of its command; every mistake is an error of one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cm_switches import answer_cm_switch
from scriptgraph.cli.commands.cmind_input import check_output, on_console, options_of, with_extra
from scriptgraph.cli.commands.subject import named_subject, no_subject, tagged_subject
from scriptgraph.cli.commands.values import decode_option, decode_value_of
from scriptgraph.errors import RequestError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.cli.commands.table import Command
    from scriptgraph.manifest.types import Value, Values


class Arguments(Immutable):
    """A decoded command.

    Attributes:
        command: the command's table.
        word: the tags or the name, as text.
        tags: the tags of --tags beside a name.
        values: the command's own options that were set, decoded by their kinds.
        others: options of the command's subject.
        rest: the words after `--`.
        as_json: whether another program reads the answer, so that nothing else may be printed.
        typed: the whole command line.
        steered: the dependencies that CM_SCRIPT_EXTRA_CMD steers.
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
        """Whether one of the switches is on."""
        return any(self.values.get(name, False) for name in names)

    def text(self, name: str) -> str:
        """Return the value of a text option; "" if it is not set."""
        return str(self.values.get(name, ""))

    def path(self, name: str) -> Path | None:
        """Return the value of a path option; None if it is not set."""
        value = self.values.get(name)
        return value if isinstance(value, Path) else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a list option."""
        return tuple(self.values.get(name, ()))

    def require_known(self, names: Iterable[str]) -> None:
        """Raise RequestError for an option that is neither the command's own nor among the names."""
        known = {name.replace("-", "_") for name in names}
        for name in self.others:
            if name not in known:
                raise unknown_option(self.command, name, known)


def decode(command: Command, cmind_input: Mapping[str, Any]) -> Arguments:
    """Decode a command.

    Raises:
        RequestError: a word is stray; or an option is unknown, set twice, without a value or with an invalid one.
    """
    check_output(cmind_input)
    options, steered = _typed_and_extra(command, cmind_input)
    word, tags = _subject(command, cmind_input, options)
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
        {name: _other_value(name, value) for name, value in options.items()},
        tuple(map(str, cmind_input.get("unparsed_cmd") or ())) if command.rest else (),
        as_json=not on_console(cmind_input),
        typed=tuple(map(str, cmind_input.get("cmd") or ())),
        steered=steered,
    )


def _other_value(name: str, value: Any) -> Value:
    """Decode an option of the command's subject."""
    if isinstance(value, dict):  # no script has such an option
        answer_cm_switch(name)
    return decode_value_of(f"--{name}", value)


def subject_of(command: Command, cmind_input: Mapping[str, Any]) -> str:
    """Return the tags or the name beside `--help`; "" without any."""
    tags, word = cmind_input.get("tags"), str(cmind_input.get("artifact") or "")
    tagged = command.word == "tags" and isinstance(tags, str)
    return str(tags) if tagged else "" if word == "help" else word


def unknown_option(command: Command, name: str, more: Iterable[str] = ()) -> RequestError:
    """Return the error for an unknown option, with the nearest name and the command that lists all."""
    close = nearest(name, command.spellings | set(more), 1)
    hint = f"did you mean --{close[0]}? " if close else ""
    return RequestError(f"--{name}: is not an option of this command; {hint}{command.advice}")


def _typed_and_extra(command: Command, cmind_input: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return all options, and the dependencies that CM_SCRIPT_EXTRA_CMD steers."""
    typed = options_of(cmind_input)
    for name in typed.keys() & command.refused.keys():
        raise RequestError(f"--{name} {command.refused[name]}")
    if not command.extra:
        return typed, frozenset()
    merged, steered = with_extra(cmind_input)
    options = options_of(merged)
    if command.extra == "own":
        options = {name: value for name, value in options.items() if name in typed or name in command.spellings}
    return options, steered


def _subject(command: Command, cmind_input: Mapping[str, Any], options: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Remove the command's subject from its options; return the word or name, and the tags beside a name."""
    if command.word == "tags":
        return tagged_subject(command, cmind_input, options.pop("tags", None)), ()
    if command.word == "name":
        tags, name = (options.pop(each, None) if each in command.spellings else None for each in ("tags", "name"))
        return named_subject(command, cmind_input, tags, name)
    no_subject(cmind_input)
    return "", ()
