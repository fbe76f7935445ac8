"""Format a command's help in 80 columns: usage, option groups and an example."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scriptgraph.cli.commands.table import Command, Option

    Groups = Sequence[tuple[str, Sequence[Option]]]

_WIDTH = 80
_WIDEST_FORM = 26


def help_text(command: Command, more: Groups = ()) -> str:
    """Return the help of a command; `more` are the option groups of its subject, shown after the everyday options."""
    first, *rest = command.grouped()
    lines = [*textwrap.wrap(command.summary, _WIDTH), "", f"  {usage(command)}", ""]
    for title, options in (first, *more, *rest):
        lines += [title, *(line for option in options for line in _option_lines(option)), ""]
    if command.open_to and not more:
        about = f"options of {command.open_to}: add {'--tags' if command.word == 'tags' else 'its name'} to list them"
        lines += [*_entry("--OPTION=VALUE", about), ""]
    return "\n".join([*lines, "Example", f"  {command.example}"])


def command_list(commands: Iterable[Command]) -> list[str]:
    """Return the lines of a list of commands, each with its summary."""
    return [line for each in commands for line in _entry(f"{each.action} {each.automation}", each.summary)]


def option_notes(option: Option) -> str:
    """Return an option's description with its choices, default and other spellings."""
    notes = (
        option.description,
        f"one of {', '.join(option.choices)}" if option.choices else "",
        f"default: {option.default}" if option.default else "",
        f"also: {', '.join(f'--{each}' if len(each) > 1 else f'-{each}' for each in option.also)}"
        if option.also
        else "",
    )
    return "; ".join(filter(None, notes))


def usage(command: Command) -> str:
    """Return the form of a command line: "cm show script --tags=TAG,TAG [OPTIONS]"."""
    words = (command.line, command.words, "[OPTIONS]", f"-- {command.rest}" if command.rest else "")
    return " ".join(filter(None, words))


def _option_lines(option: Option) -> Iterable[str]:
    return _entry(option.form, option_notes(option))


def _entry(form: str, notes: str) -> list[str]:
    """Return the lines of a form and its notes, which start below a wide form."""
    indent = " " * (_WIDEST_FORM + 4)
    wrapped = textwrap.wrap(notes, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    if len(form) > _WIDEST_FORM or not wrapped:
        return [f"  {form}", *wrapped]
    return [f"  {form}".ljust(len(indent)) + wrapped[0].lstrip(), *wrapped[1:]]
