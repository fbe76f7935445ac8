"""The engine's commands for cmind; the only module that makes `{'return': n}`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.digests import KnownDigests
from scriptgraph.cache.store import Cache
from scriptgraph.catalog.registry import load_registry
from scriptgraph.catalog.repositories import find_repositories
from scriptgraph.cli.console import RunConsole
from scriptgraph.cli.options import FrontOptions, asks_for_json, read_front, wants_json
from scriptgraph.errors import OF_THE_MACHINE, RequestError, ScriptGraphError
from scriptgraph.execution.executor import execute
from scriptgraph.execution.record import new_run_folder
from scriptgraph.execution.runtime import Runtime
from scriptgraph.planning.conditions import same
from scriptgraph.planning.options import check_env
from scriptgraph.planning.resolver import resolve
from scriptgraph.product import registered_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.planning.plan import Request
    from scriptgraph.product import Product

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

    def run_script(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """`cm run script`: `new_env` in the answer is what leaves the script."""
        return self.answer(command, lambda console: self._run(*read_front(command, self.product), console))

    def replay_script(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """`cm replay script --record=FILE`: `differences` in the answer has a sentence for each."""
        from scriptgraph.cli.record_file import read_record  # noqa: PLC0415 - seldom
        from scriptgraph.cli.replay import plan_differences, request_of, run_differences  # noqa: PLC0415 - seldom

        def run(console: RunConsole) -> dict[str, Any]:
            given = dict(command)
            path = given.pop("record", "")
            if not isinstance(path, str) or not path:
                raise RequestError("which record? write cm replay script --record=FILE, a run's record.json")
            schema = self.product.schema("record")
            document = read_record(Path(path).expanduser().absolute(), schema)
            typed, options = read_front(given, self.product, document["request"]["tags"])
            request = request_of(document, typed)
            options = options.replaced(switches=options.switches.replaced(command_line=request.argv))
            answer = self._run(request, options, console)
            if "new_env" not in answer:
                return answer
            now = read_record(Path(answer["record"]), schema)
            found = plan_differences(document, now) + run_differences(document, now)
            lines = [str(each) for each in found]
            title = f"differs in {len(lines)}:" if lines else "nothing differs"
            console.text([title, *(f"  {line}" for line in lines)])
            return {**answer, "differences": lines}

        return self.answer(command, run)

    def docker_script(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """`cm docker script --tags=...`: the same run in a container; `return` is 1 where its exit status is not 0."""
        from scriptgraph.cli.docker_command import run_in_docker  # noqa: PLC0415 - most runs do without containers

        return _guarded(lambda: run_in_docker(command, self.product, self.repository, self._registry))

    def list_or_remove(self, action: str, command: Mapping[str, Any]) -> dict[str, Any]:
        """`cm find`, `show` and `rm` of scripts and of the cache: `action` is "find script" and the like."""
        from scriptgraph.cli.cache_commands import find_cache, remove_cache, show_cache  # noqa: PLC0415 - runs need no lists
        from scriptgraph.cli.script_commands import find_script, show_script  # noqa: PLC0415 - runs need no lists

        work: dict[str, Callable[[], dict[str, Any]]] = {
            "find script": lambda: find_script(command, self._registry),
            "show script": lambda: show_script(command, self._registry),
            "find cache": lambda: find_cache(command, self.product),
            "show cache": lambda: show_cache(command, self.product),
            "rm cache": lambda: remove_cache(command, self.product),
        }
        return _guarded(work[action])

    def answer(self, command: Mapping[str, Any], work: Callable[[RunConsole], dict[str, Any]]) -> dict[str, Any]:
        """Do the work of a command that shows its progress.

        `work` returns what the answer holds; with `error`, it has failed. It raises ScriptGraphError for whatever a
        user can cause.
        """
        # A wrong value of --quiet is refused where options are read.
        quiet = same(command.get("quiet", False), True)
        console = RunConsole(quiet=quiet, results_to=sys.stderr if wants_json(command) else sys.stdout)
        try:
            answer = _guarded(lambda: work(console))
        finally:
            console.close()
        if answer["return"]:
            return answer
        answer = {**answer, "tables": console.tables}
        if asks_for_json(command):
            print(json.dumps(answer, indent=2, sort_keys=True, default=str))
        return answer

    def _registry(self) -> Registry:
        return load_registry(self.repositories().roots)

    def _run(self, request: Request, options: FrontOptions, console: RunConsole) -> dict[str, Any]:
        found = self.repositories()
        for rival in found.rivals:
            text = "brings a script automation of its own, and cm may run that one"
            remedy = "remove it by cm rm repo or pip uninstall, or set CM_REPOS"
            console("warned", rival, {"message": f"{text}; {remedy}"})
        # A mistake, and a look at a plan, change nothing on disk: the index is written once there has been a run.
        looking = options.plan or bool(options.explain)
        records = options.home / "records"
        registry = load_registry(found.roots, options.home / "index", keep=records.is_dir() and not looking)
        plan = resolve(request, registry)
        alias = plan.root.manifest.alias
        if options.anew == "requested" and not plan.root.manifest.cache:
            raise RequestError(f"--renew: {alias} keeps nothing in the cache; --new makes what it depends on anew")
        check_env(plan.root, request, registry)
        for note in plan.notes:
            console("warned", alias, {"message": note})
        cache, state = Cache(options.cache), options.home / "state"
        # A look keeps nothing, digests neither.
        digests = KnownDigests(None if looking else options.home / "index" / "digests.json")
        runtime = Runtime(
            self.product, registry, cache, state, records / "none", options.switches, console, digests, options.anew
        )
        fetches = any(step.manifest.downloads for step in plan.steps())
        if looking or options.prefetch or fetches:
            from scriptgraph.cli import plan_commands  # noqa: PLC0415 - it imports the network's modules: most runs need none
        if options.explain:
            return plan_commands.show_origin(plan, options.explain, console)
        if options.plan:
            return plan_commands.show_plan(plan, runtime, console)
        if fetches:
            plan_commands.require_provided(plan, runtime)
        runtime.cache.prepare()
        runtime = runtime.replaced(run_folder=new_run_folder(records, alias))
        if options.prefetch:
            return plan_commands.run_prefetch(plan, runtime, request.told(), console)
        record = execute(plan, runtime, request.told())
        return {
            "record": str(runtime.run_folder / "record.json"),
            "new_env": record.exports,
            "status": {step.alias: step.status for step in record.steps}[alias],
        }


def _guarded(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Turn what comes of work into cmind's dictionary; what a user can cause is one line."""
    try:
        answer = work()
    except ScriptGraphError as error:
        return {"return": _FAILED, "error": error.report()}
    except KeyboardInterrupt:
        return {"return": _INTERRUPTED, "error": "interrupted; nothing half-finished was kept"}
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        return {"return": _FAILED, "error": f"{error.filename or 'a file'}: {error.strerror}; see to it and run again"}
    return {"return": _FAILED if answer.get("error") else 0, **answer}
