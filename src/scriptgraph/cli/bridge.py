"""The engine's commands for cmind; the only module that makes `{'return': n}`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.catalog.registry import load_registry
from scriptgraph.catalog.repositories import find_repositories
from scriptgraph.cli.commands.cmind_input import asks_for_json, wants_help, wants_json
from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.console import RunConsole
from scriptgraph.cli.run_command import run_request
from scriptgraph.cli.run_options import read_run
from scriptgraph.errors import MACHINE_ERRNOS, ScriptGraphError, UnknownOptionError
from scriptgraph.planning.conditions import same
from scriptgraph.product import registered_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.commands.help import Groups
    from scriptgraph.cli.commands.table import Command
    from scriptgraph.product import Product

    Work = Callable[[Arguments, RunConsole], dict[str, Any]]

_FAILED, _INTERRUPTED = 1, 130


class Engine:
    """A product's commands, each from cmind's dictionary to cmind's dictionary.

    In every answer `return` is 0, or 1 with `error`, or 130 after Ctrl-C; the rest is what came of the command.
    """

    def __init__(self, product: Product, repository: Path | None = None, more: Sequence[Path] = ()) -> None:
        """Take the product, its CM repository where it is not to be looked for, and further repositories' roots."""
        self.product, self._repository, self._more = product, repository, more

    @property
    def repository(self) -> Path:
        """The product's CM repository: the checkout around the code that runs, else the one installed with it.

        The folder of cmind's module does not count: cmind's index may still point at another environment's copy.
        Raise ScriptGraphError if there is none.
        """
        if self._repository is not None:
            return self._repository
        if (self.product.checkout / "cmr.yaml").is_file():
            return self.product.checkout
        spec = find_spec(self.product.repository)
        for folder in (spec and spec.submodule_search_locations) or ():
            return Path(folder)
        raise ScriptGraphError("the scripts are not installed; run pip install again")

    def repositories(self) -> Repositories:
        """Find the product's repository and the user's, those that are registered and those that pip has installed."""
        found = find_repositories(self.repository, registered_folder(), sys.path)
        return found.replaced(roots=(*found.roots, *self._more))

    def run_script(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`cm run script`: `new_env` in the answer is what leaves the script."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            return run_request(self.product, self.repositories(), *read_run(arguments, self.product), console)

        return self.answer(script_command("run", self.product), given, run)

    def replay_script(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`cm replay script --record=FILE`: `differences` in the answer has a sentence for each."""

        def run(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.replay import replay  # noqa: PLC0415 - seldom

            return replay(arguments, self.product, self.repositories(), console)

        return self.answer(script_command("replay", self.product), given, run)

    def docker_script(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`cm docker script --tags=...`: the same run in a container; `return` is 1 where its exit status is not 0."""

        def run(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.docker_command import run_in_docker  # noqa: PLC0415 - most runs need no container

            return run_in_docker(arguments, self.product, self.repository, self._registry)

        return self.answer(script_command("docker", self.product), given, run)

    def list_or_remove(self, action: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """`cm find`, `show` and `rm` of scripts and of the cache: `action` is "find script" and the like."""
        from scriptgraph.cli.lists import list_command  # noqa: PLC0415 - runs need no lists

        command, work = list_command(action, self.product, self._registry)
        return self.answer(command, given, lambda arguments, _console: work(arguments))

    def remove_script(
        self, given: Mapping[str, Any], remove: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """`cm rm script`: `remove` is cmind's own action, which asks on a terminal."""

        def work(arguments: Arguments, _console: RunConsole) -> dict[str, Any]:
            if not (arguments.on("f") or sys.stdin.isatty()):
                return {"error": "nothing was deleted; add -f to delete a script's folder without being asked"}
            return remove(given)

        return self.answer(script_command("rm", self.product), given, work)

    def complete(
        self, given: Mapping[str, Any], commands: Sequence[Command], names: Callable[[str], Iterable[str]]
    ) -> dict[str, Any]:
        """`cm completion script`: print what a shell reads, or the words that the line after `--` may go on with."""

        def work(arguments: Arguments, console: RunConsole) -> dict[str, Any]:
            from scriptgraph.cli.complete_command import complete  # noqa: PLC0415 - seldom

            lines = complete(arguments, commands, self.product, self.repositories().roots, names)
            console.text(lines)
            return {"lines": lines}

        return self.answer(script_command("completion", self.product), given, work)

    def answer(
        self,
        command: Command,
        given: Mapping[str, Any],
        work: Work,
        more: Callable[[str], Groups] | None = None,
    ) -> dict[str, Any]:
        """Decode a command, do its work and show its progress; or show its help, if that was typed.

        `work` returns the contents of the answer; with `error`, it has failed. It raises ScriptGraphError for whatever
        a user can cause. `more` returns the options, by groups, of whatever the command is about, if that is no script.
        """
        if wants_help(given):
            from scriptgraph.cli.help_command import show_help  # noqa: PLC0415 - seldom

            return _guarded(given, lambda: show_help(command, given, self._registry, more))
        # A wrong value of --quiet is refused where options are decoded.
        quiet = same(given.get("quiet", False), True)
        console = RunConsole(quiet=quiet, results_to=sys.stderr if wants_json(given) else sys.stdout)
        try:
            answer = _guarded(given, lambda: _done(command, given, work, console))
        finally:
            console.close()
        if answer["return"]:
            return answer
        answer = {**answer, "tables": console.tables}
        if asks_for_json(given):
            print(json.dumps(answer, indent=2, sort_keys=True, default=str))
        return answer

    def _registry(self) -> Registry:
        return load_registry(self.repositories().roots)


def _done(command: Command, given: Mapping[str, Any], work: Work, console: RunConsole) -> dict[str, Any]:
    """Decode a command and do its work."""
    try:
        return work(decode(command, given), console)
    except UnknownOptionError as error:
        if len(error.chain) == 1:  # of the script that was named: an option of the command may have been meant
            error.known |= command.spellings
        raise


def _guarded(given: Mapping[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Turn the result of work into cmind's dictionary; what a user can cause is one line."""
    answer = _caught(work)
    if not answer.get("error"):
        return {"return": 0, **answer}
    answer = {"return": _FAILED, **answer, "error": _without_end_mark(answer["error"])}
    if given.get("out") not in {None, "", "con", "json"}:  # cm shows errors on its own console only
        print(f"\nCM error: {answer['error']}!", file=sys.stderr)
    return answer


def _caught(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except ScriptGraphError as error:
        return {"error": error.report()}
    except KeyboardInterrupt:
        return {"return": _INTERRUPTED, "error": "interrupted; nothing half-finished was kept"}
    except OSError as error:
        if error.errno not in MACHINE_ERRNOS:
            raise
        return {"error": f"{error.filename or 'a file'}: {error.strerror}; see to it and run again"}


def _without_end_mark(text: str) -> str:
    """Return an error as cmind wants it: it puts an exclamation mark at the end."""
    if "\n" in text:  # the mark follows the last line, and must not become part of a log's path
        return f"{text} " if "\n  log: " in text else text
    if not text.endswith("?"):
        return text.removesuffix(".")
    start = max(text.rfind(mark) for mark in (". ", "; ", ": "))
    question = text[start + 2 :]
    return f"{text[:start]} ({question[:1].lower()}{question[1:]})"
