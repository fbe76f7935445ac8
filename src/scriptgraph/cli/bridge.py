"""The engine's commands for cmind; the only module that builds cmind's answers, `{'return': n}`."""

from __future__ import annotations

import json
import sys
from contextlib import closing, contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.catalog.collections import read_collections
from scriptgraph.catalog.repositories import find_repositories
from scriptgraph.cli.artifacts import ARTIFACTS
from scriptgraph.cli.commands.cm_switches import answer_cm_switch
from scriptgraph.cli.commands.cmind_input import asks_for_json, wants_help, wants_json
from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.console import RunConsole
from scriptgraph.cli.scripts import load_scripts
from scriptgraph.errors import MACHINE_ERRNOS, RequestError, ScriptGraphError, UnknownOptionError
from scriptgraph.printable import printable, shortened
from scriptgraph.process.interruption import Interruption
from scriptgraph.product import registered_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.commands.help import Groups
    from scriptgraph.cli.commands.table import Command
    from scriptgraph.product import Product

    CommandFunction = Callable[[Arguments, RunConsole], dict[str, Any]]

_LONGEST_LINE = 5000
_PROGRAMS = frozenset({"cmind.cli", "scriptgraph.cli.program"})
_FAILED, _INTERRUPTED = 1, 130
_within: ContextVar[bool] = ContextVar("_within", default=False)


class Engine:
    """A product's commands; each takes and returns a dictionary of cmind.

    In an answer `return` is 0, or 1 with `error`, or 130 after Ctrl-C; the other members are the command's result.
    Without `out` in the dictionary nothing is printed, and the answer has the `warnings` instead.
    """

    def __init__(self, product: Product, repository: Path | None = None, more: Sequence[Path] = ()) -> None:
        """Create the engine of a product.

        Args:
            product: its name, folders and addresses.
            repository: its CM repository; by default it is searched for.
            more: the roots of further repositories.
        """
        self.product, self._repository, self._more = product, repository, more

    @property
    def repository(self) -> Path:
        """The product's CM repository: the checkout of the running code, otherwise the one installed with it.

        The folder of cmind's module is not used, because cmind's index may still point to another environment's copy.

        Raises:
            ScriptGraphError: there is none.
        """
        if self._repository is not None:
            return self._repository
        if (self.product.checkout / "cmr.yaml").is_file():
            return self.product.checkout
        spec = find_spec(self.product.repository)
        for folder in (spec and spec.submodule_search_locations) or ():
            return Path(folder)
        raise ScriptGraphError(f"the scripts are not installed; run pip install {self.product.name} again")

    def repositories(self) -> Repositories:
        """Return the product's repository and those of the user, registered with cmind or installed with pip."""
        repositories = find_repositories(self.repository, registered_folder(), sys.path)
        return repositories.replaced(
            roots=(*repositories.roots, *self._more), collections=read_collections(self.product.home)
        )

    def run_script(self, cmind_input: Mapping[str, Any]) -> dict[str, Any]:
        """Run `cm run script`; `new_env` in the answer holds the script's exports."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.runs.run_command import run_request  # noqa: PLC0415 - lists need no runs
            from scriptgraph.cli.runs.run_options import read_run  # noqa: PLC0415 - as above

            return run_request(self.product, self.repositories(), *read_run(arguments, self.product), console)

        return self.answer(script_command("run", self.product), cmind_input, run)

    def replay_script(self, cmind_input: Mapping[str, Any]) -> dict[str, Any]:
        """Run `cm replay script --record=FILE`; `differences` in the answer is a list of texts."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.runs.replay import replay  # noqa: PLC0415 - a rare command

            return replay(arguments, self.product, self.repositories(), self.repository, console)

        return self.answer(script_command("replay", self.product), cmind_input, run)

    def container_script(self, action: str, cmind_input: Mapping[str, Any]) -> dict[str, Any]:
        """Run `cm docker script` or `cm podman script`: a run in a container.

        `return` in the answer is 1 if the container's exit status is not 0.
        """

        def run(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.container.command import run_in_container  # noqa: PLC0415 - most runs need no container

            return run_in_container(arguments, self.product, self._registry)

        return self.answer(script_command(action, self.product), cmind_input, run)

    def list_or_remove(self, action: str, cmind_input: Mapping[str, Any]) -> dict[str, Any]:
        """Run `cm find` or `show` of scripts, or `find`, `show` or `rm` of the cache; `action` is "find script"."""
        from scriptgraph.cli.lists.list_command import list_command  # noqa: PLC0415 - runs need no lists

        command, function = list_command(action, self.product, self._registry)
        return self.answer(command, cmind_input, lambda arguments, _console: function(arguments))

    def remove_script(
        self, cmind_input: Mapping[str, Any], remove: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Run `cm rm script`; `remove` is cmind's own action, which asks for confirmation on a terminal."""

        def run(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
            if not (arguments.on("f") or sys.stdin.isatty()):
                return {"error": "nothing was deleted; add -f to delete a script's folder without confirmation"}
            return remove(cmind_input)

        return self.answer(script_command("rm", self.product), cmind_input, run)

    def add_script(
        self, cmind_input: Mapping[str, Any], add: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Run `cm add script`; `add` is cmind's own action, which finds the repository and writes the manifest."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.add_command import add_script  # noqa: PLC0415 - a rare command

            return add_script(
                arguments, self._registry(), lambda more: add({**cmind_input, **more, "out": ""}), console
            )

        return self.answer(script_command("add", self.product), cmind_input, run)

    def convert_script(self, cmind_input: Mapping[str, Any]) -> dict[str, Any]:
        """Run `cm convert script`: scripts of 2023 in our form."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.convert_command import convert_scripts  # noqa: PLC0415 - a rare command

            return convert_scripts(arguments, console)

        return self.answer(script_command("convert", self.product), cmind_input, run)

    def complete(
        self, cmind_input: Mapping[str, Any], commands: Sequence[Command], names: Callable[[str], Iterable[str]]
    ) -> dict[str, Any]:
        """Run `cm completion script`: print the shell's function, or the completions of the line after `--`."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.complete_command import complete  # noqa: PLC0415 - a rare command

            lines = complete(arguments, commands, self.product, self.repositories().roots, names)
            console.text(lines)
            return {"lines": lines}

        return self.answer(script_command("completion", self.product), cmind_input, run)

    def answer(
        self,
        command: Command,
        cmind_input: Mapping[str, Any],
        function: CommandFunction,
        more: Callable[[str], Groups] | None = None,
    ) -> dict[str, Any]:
        """Decode a command, run it and show its progress; or show its help if requested.

        Args:
            command: the command's table.
            cmind_input: cmind's dictionary.
            function: returns the answer's members, with `error` after a failure; raises ScriptGraphError for errors
                that a user can cause.
            more: returns the option groups of the command's subject, if that is not a script.
        """
        if wants_help(cmind_input):
            from scriptgraph.cli.help_command import show_help  # noqa: PLC0415 - a rare command

            return guarded(cmind_input, lambda: show_help(command, cmind_input, self._registry, more))
        to_program = not cmind_input.get("out") and not wants_json(cmind_input)
        console = RunConsole(silent=to_program, results_to=sys.stderr if wants_json(cmind_input) else sys.stdout)
        interruption = Interruption()
        # A command line prints the answer and ends the process.
        with (
            _outermost() as outermost,
            interruption.handled(ends_process=not _PROGRAMS.isdisjoint(sys.modules)),
            closing(console),
        ):
            answer = guarded(cmind_input, lambda: _run(command, cmind_input, function, console), interruption)
        if answer["return"]:
            return answer
        if outermost:
            console.show_next()
        answer = {**answer, "tables": console.tables, "next": console.next_commands}
        if to_program:
            answer["warnings"] = console.warnings
        if wants_json(cmind_input) or cmind_input.get("save_to_json"):
            answer.pop(ARTIFACTS, None)
        if asks_for_json(cmind_input):
            print(json.dumps(answer, indent=2, sort_keys=True, default=str))
        return answer

    def _registry(self) -> Registry:
        return load_scripts(self.repositories())


@contextmanager
def _outermost() -> Iterator[bool]:
    """Yield whether no other command runs this one: a command within another shows no next commands."""
    outermost = not _within.get()
    token = _within.set(True)
    try:
        yield outermost
    finally:
        _within.reset(token)


def _run(
    command: Command, cmind_input: Mapping[str, Any], function: CommandFunction, console: RunConsole
) -> dict[str, Any]:
    """Decode a command and run it."""
    arguments = decode(command, cmind_input)
    console.quiet, console.verbose = arguments.on("quiet"), arguments.on("verbose")
    try:
        return function(arguments, console)
    except UnknownOptionError as error:
        if arguments.rest and error.name == "command":
            words = " ".join(arguments.rest)
            raise RequestError(f"stray words: {words}; {error.alias} runs no command after --") from None
        if len(error.chain) == 1:  # of the requested script: the user may have meant an option of the command
            answer_cm_switch(error.name)
            error.known |= command.spellings
        raise


def guarded(
    cmind_input: Mapping[str, Any], function: Callable[[], dict[str, Any]], interruption: Interruption | None = None
) -> dict[str, Any]:
    """Return the result or the error of a command as cmind's dictionary."""
    answer = _caught(function, interruption or Interruption())
    if not answer.get("error"):
        return {"return": 0, **answer}
    lines = (shortened(line) if len(line) > _LONGEST_LINE else line for line in printable(answer["error"]).split("\n"))
    answer = {"return": _FAILED, **answer, "error": _without_end_mark("\n".join(lines))}
    if cmind_input.get("out") not in {None, "", "con", "json"}:  # cm prints errors for out=con only
        print(f"\nCM error: {answer['error']}!", file=sys.stderr)
    return answer


def _caught(function: Callable[[], dict[str, Any]], interruption: Interruption) -> dict[str, Any]:
    try:
        with interruption.raising():
            return function()
    except ScriptGraphError as error:
        return {"error": error.report()}
    except KeyboardInterrupt:
        return {"return": _INTERRUPTED, "error": "interrupted; no unfinished result was kept"}
    except OSError as error:
        if error.errno not in MACHINE_ERRNOS:
            raise
        return {"error": f"{error.filename or 'a file'}: {error.strerror}; correct this and run again"}


def _without_end_mark(text: str) -> str:
    """Return an error without its end mark, because cmind appends an exclamation mark."""
    if "\n" in text:  # the mark follows the last line, and must not become part of a log's path
        return f"{text} " if "\n  log: " in text else text
    if not text.endswith("?"):
        return text.removesuffix(".")
    start = max(text.rfind(mark) for mark in (". ", "; ", ": "))
    if start < 0:  # the whole text is a question, which keeps its mark
        return text
    question = text[start + 2 :]
    return f"{text[:start]} ({question[:1].lower()}{question[1:]})"
