"""Complete a command line in a shell: actions, automations, options, tags, choices and names."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError, ScriptGraphError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scriptgraph.cli.commands.help import Groups
    from scriptgraph.cli.commands.table import Command, Option

SHELLS = ("bash", "zsh")
# The other programs of cmind, with the action and automation that they abbreviate.
_SHORT = {"cmr": ("run", "script"), "cmrd": ("docker", "script"), "cme": ("run", "experiment")}
_ALIASES = {"ls": "find", "list": "find", "delete": "rm"}


def shell_function(shell: str, program: str) -> str:
    """Return the shell function that completes `cm` and the product's own program.

    Raises:
        RequestError: the shell is not supported.
    """
    if shell not in SHELLS:
        raise RequestError(f"which shell? write cm completion script {' or '.join(SHELLS)}")
    return Path(__file__).with_name(f"completion.{shell}").read_text(encoding="utf-8").replace("PRODUCT", program)


class Lookups(Immutable):
    """Functions that find words on this machine; each is called only for words that need it.

    Attributes:
        tags: returns all tags of the scripts that have some tags.
        variations: returns all variations of these scripts, with their underscore.
        options: returns the option groups of the script that tags select.
        names: returns the names that an automation knows.
    """

    tags: Callable[[Sequence[str]], Iterable[str]]
    variations: Callable[[Sequence[str]], Iterable[str]]
    options: Callable[[str], Groups]
    names: Callable[[str], Iterable[str]]


class Completion:
    """Completes command lines."""

    def __init__(self, commands: Iterable[Command], lookups: Lookups) -> None:
        self._commands = {(each.action, each.automation): each for each in commands}
        self._lookups = lookups

    def complete(self, line: str) -> list[str]:
        """Return the completions of a line's last word; one that ends in "=", "." or "," is incomplete."""
        program, *words = _split(line)
        words = [*_SHORT.get(Path(program).name, ()), *words]
        if "--" in words[:-1]:
            inner = words[words.index("--") + 1 :]
            return self.complete(shlex.join(inner[:-1]) + f" {inner[-1]}") if len(inner) > 1 else []
        *before, last = words or [""]
        return sorted({word for word in self._words(before, last) if word.startswith(last)})

    def _words(self, before: Sequence[str], last: str) -> Iterable[str]:
        if not before:
            return {action for action, _ in self._commands}
        action = _ALIASES.get(before[0], before[0])
        if len(before) == 1:
            return {automation for each, automation in self._commands if each == action}
        command = self._commands.get((action, before[1]))
        return self._arguments(command, before, last) if command else ()

    def _arguments(self, command: Command, before: Sequence[str], last: str) -> Iterable[str]:
        name, equals, value = last.partition("=")
        if equals:
            return self._values(command, before, name, value)
        if last.startswith("-"):
            return self._option_words(command, before)
        if command.action == "completion":
            return SHELLS
        return self._lookups.names(command.automation) if command.word == "name" else ()

    def _values(self, command: Command, before: Sequence[str], name: str, value: str) -> Iterable[str]:
        if name == "--tags" and command.word == "tags":
            *chosen, fragment = value.split(",")
            start = f"{name}={','.join((*chosen, ''))}" if chosen else f"{name}="
            tags = [word for word in chosen if not word.startswith(("_", "-"))]
            lookup = self._lookups.variations if fragment.startswith("_") else self._lookups.tags
            return (f"{start}{tag}" for tag in lookup(tags) if tag not in chosen)
        for option in self._all_options(command, before):
            if name.removeprefix("--").replace("-", "_") in (option.name, *option.also):
                return (f"{name}={choice}" for choice in option.choices)
        return ()

    def _option_words(self, command: Command, before: Sequence[str]) -> Iterable[str]:
        typed = {word.partition("=")[0] for word in before}
        for option in self._all_options(command, before):
            word = option.form.partition("=")[0].partition(".")[0]
            if word not in typed or option.kind in {"pairs", "texts", "blocks"}:
                yield word + {"switch": "", "pairs": ".", "texts": ".", "blocks": "."}.get(option.kind, "=")

    def _all_options(self, command: Command, before: Sequence[str]) -> list[Option]:
        own = list(command.options)
        tags = next((word.removeprefix("--tags=") for word in before if word.startswith("--tags=")), "")
        if command.open_to and command.word == "tags" and tags:
            try:
                own += [option for _, options in self._lookups.options(tags) for option in options]
            except ScriptGraphError:
                return own  # the tags select no script or several
        return own


def _split(line: str) -> list[str]:
    """Split a line into words; the last one is unfinished."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is open
        words = line.split()
    return [*words, ""] if not words or line[-1:].isspace() else words
