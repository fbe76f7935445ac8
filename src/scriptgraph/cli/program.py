"""A product's own program: the commands of `cm`, without cmind for those that the product answers itself."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.bridge import guarded
from scriptgraph.cli.commands.cmind_input import wants_help
from scriptgraph.cli.commands.words import parse_words
from scriptgraph.product import registered_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scriptgraph.cli.commands.table import Command
    from scriptgraph.product import Product

    Answer = dict[str, Any]
    ActionFunction = Callable[[Mapping[str, Any]], Answer]

_BROKEN_PIPE = 141  # as a shell reports SIGPIPE
_ALIASES = {"ls": "find", "list": "find", "search": "find", "delete": "rm"}


class Program:
    """Runs command lines as `cm` does: the same words, answers, outputs and exit statuses."""

    def __init__(
        self,
        product: Product,
        action: Callable[[str, str], ActionFunction | None],
        commands: Callable[[], Iterable[Command]],
    ) -> None:
        """Create a program.

        Args:
            product: its name.
            action: returns the function of an action and an automation ("run", "script"); None if cmind answers it.
            commands: returns the tables of all commands, for the list of commands.
        """
        self._product, self._action, self._commands = product, action, commands

    def run(self, words: Sequence[str]) -> int:
        """Run a command line, and return its exit status."""
        try:
            status = self._run(words)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader of the output, such as head, has ended
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _BROKEN_PIPE
        return status

    def _run(self, words: Sequence[str]) -> int:
        if list(words) == ["--version"]:
            print(self._version())
            return 0
        parsed = guarded({}, lambda: {"command": parse_words(words)})
        if parsed["return"]:
            return _report(parsed, "con")
        command = {"out": "con", **parsed["command"]}
        action, automation = str(command.get("action", "")), str(command.get("automation", ""))
        if not automation and (action in {"", "help"} or wants_help(command)):
            print("\n".join(self._help()))
            return 0
        function = self._action(_ALIASES.get(action, action), automation)
        if function is None:
            return _report(guarded(command, lambda: _pass_to_cmind(words)), command["out"])
        answer = function(command)
        if path := command.get("save_to_json"):
            from cmind.utils import save_json  # noqa: PLC0415 - a rare option

            save_json(path, meta=answer)
        return _report(answer, command["out"])

    def _version(self) -> str:
        from scriptgraph.execution.record import installed_versions  # noqa: PLC0415 - a rare option

        name = self._product.name
        return f"{name} {installed_versions([name])[name] or '(not installed)'}"

    def _help(self) -> Iterable[str]:
        from scriptgraph.cli.commands.help import command_list  # noqa: PLC0415 - most commands need no help

        name = self._product.name
        yield f"{name} ACTION AUTOMATION [OPTIONS]: cm's commands, with the same answers."
        yield ""
        yield from command_list(self._commands())
        yield ""
        yield f"`{name} run script --help` lists the options of a command."
        yield f"All other commands, such as `{name} add repo`, are cmind's own."


def _pass_to_cmind(words: Sequence[str]) -> Answer:
    """Run a command line that only cmind answers; this ends the process, unless the machine fails."""
    from scriptgraph.cli.first_use import prepare_folder  # noqa: PLC0415 - most commands do not need cmind

    prepare_folder(registered_folder())
    from cmind.cli import run  # noqa: PLC0415 - as above

    run(list(words))
    return {}


def _report(answer: Answer, out: Any) -> int:
    """Print an answer where cm does, and return the exit status."""
    if out == "json":
        print(json.dumps(_serialisable(answer), indent=2, sort_keys=True, ensure_ascii=False))
    elif answer["return"] and out == "con":
        sys.stderr.write(f"\nCM error: {answer['error']}!\n")
    return int(answer["return"])


def _serialisable(answer: Answer) -> Answer:
    """Return the members that JSON can hold."""
    found = {}
    for name, value in answer.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        found[name] = value
    return found
