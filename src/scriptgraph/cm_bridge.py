"""The front for cmind; the only module that makes `{'return': n}`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cache import Cache
from scriptgraph.console import RunConsole
from scriptgraph.declared import check_env
from scriptgraph.errors import OF_THE_MACHINE, RequestError, ScriptGraphError
from scriptgraph.executor import execute
from scriptgraph.front_options import FrontOptions, asks_for_json, is_quiet, read_front, registered_folder, wants_json
from scriptgraph.known_digests import KnownDigests
from scriptgraph.record import new_run_folder
from scriptgraph.registry import load_registry
from scriptgraph.repositories import find_repositories
from scriptgraph.resolver import resolve
from scriptgraph.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scriptgraph.registry import Registry
    from scriptgraph.repositories import Repositories
    from scriptgraph.request import Request

_FAILED, _INTERRUPTED = 1, 130
_INSTALLED_PACKAGE = "cm_mlperf_home"


def own_repository() -> Path:
    """Give our CM repository: the one installed with this code, else the checkout around it.

    The shim's own folder does not count: cmind's index may still point at another
    environment's copy, while the code that runs is this one.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "cmr.yaml").is_file():
        return checkout
    spec = find_spec(_INSTALLED_PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    raise ScriptGraphError("the scripts are not installed; run pip install again")


def user_repositories() -> Repositories:
    """Find ours and the user's, those that are registered and those that pip has installed."""
    return find_repositories(own_repository(), registered_folder(), sys.path)


def run_script(command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Do what `cm run script` asks.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`, or 130 after Ctrl-C; `new_env` is what leaves the script.
    """

    def run(console: RunConsole) -> dict[str, Any]:
        request, options = read_front(command)
        return _run(request, options, console, repositories)

    return _answer(command, run)


def replay_script(command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Do what `cm replay script --record=FILE` asks: the same request again, and what differs.

    Returns:
        cmind's dictionary; `differences` has a sentence for each thing that is not as it was.
    """
    from scriptgraph.replay import plan_differences, read_record, request_of, run_differences  # noqa: PLC0415 - seldom

    def run(console: RunConsole) -> dict[str, Any]:
        given = dict(command)
        path = given.pop("record", "")
        if not isinstance(path, str) or not path:
            raise RequestError("which record? write cm replay script --record=FILE, a run's record.json")
        document = read_record(Path(path).expanduser().absolute())
        typed, options = read_front(given, document["request"]["tags"])
        request = request_of(document, typed)
        options = options.replaced(switches=options.switches.replaced(command_line=request.argv))
        told = _run(request, options, console, repositories)
        if "new_env" not in told:
            return told
        again = read_record(Path(told["record"]))
        found = plan_differences(document, again["plan_fingerprint"], again["plan"]) + run_differences(document, again)
        lines = [str(each) for each in found]
        console.text([f"differs in {len(lines)}:", *(f"  {line}" for line in lines)] if lines else ["nothing differs"])
        return {**told, "differences": lines}

    return _answer(command, run)


def docker_script(command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Do what `cm docker script --tags=...` asks: the same run, in a container.

    Returns:
        cmind's dictionary: `return` is 0 or the container's exit status with `error`.
    """
    from scriptgraph.docker_front import run_in_docker  # noqa: PLC0415 - most runs do without containers

    def registry() -> Registry:
        return load_registry((*find_repositories(own_repository(), registered_folder()).roots, *repositories))

    def work() -> dict[str, Any]:
        status = run_in_docker(command, own_repository(), registry, lambda line: print(line, file=sys.stderr))
        return {"error": f"the container ended with status {status}"} if status else {}

    return _guarded(work)


def list_or_remove(action: str, command: Mapping[str, Any], repositories: Sequence[Path] = ()) -> dict[str, Any]:
    """Do what `cm find`, `show` and `rm` ask of scripts and of the cache: `action` is "find script" and the like.

    Returns:
        cmind's dictionary: `return` is 0, or 1 with `error`; the rest is what was found.
    """
    from scriptgraph.cache_front import find_cache, remove_cache, show_cache  # noqa: PLC0415 - runs do without lists
    from scriptgraph.script_front import find_script, show_script  # noqa: PLC0415 - runs do without lists

    scripts: dict[str, Callable[..., dict[str, Any]]] = {"find script": find_script, "show script": show_script}
    cache = {"find cache": find_cache, "show cache": show_cache, "rm cache": remove_cache}

    def registry() -> Registry:
        return load_registry(all_repositories(repositories))

    def work() -> dict[str, Any]:
        return scripts[action](command, registry) if action in scripts else cache[action](command)

    return _guarded(work)


def answer_for(command: Mapping[str, Any], work: Callable[[RunConsole], dict[str, Any]]) -> dict[str, Any]:
    """Do what another package's front asks, and give cmind's dictionary.

    Args:
        command: what cmind handed over.
        work: shows how it goes on the console, and gives what the answer holds; with `error`, it has failed. What a
            user can cause is a `ScriptGraphError`.
    """
    return _answer(command, work)


def all_repositories(more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Give the roots of our repository and of those that the user has registered, ours first."""
    return (*user_repositories().roots, *more)


def _answer(command: Mapping[str, Any], work: Callable[[RunConsole], dict[str, Any]]) -> dict[str, Any]:
    """Do something that shows how it goes on, and give cmind's dictionary."""
    console = RunConsole(quiet=is_quiet(command), results_to=sys.stderr if wants_json(command) else sys.stdout)
    try:
        told = _guarded(lambda: work(console))
    finally:
        console.close()
    if told["return"]:
        return told
    answer = {**told, "tables": console.tables}
    if asks_for_json(command):
        print(json.dumps(answer, indent=2, sort_keys=True, default=str))
    return answer


def _guarded(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Turn what comes of work into cmind's dictionary; what a user can cause is told in a line."""
    try:
        told = work()
    except ScriptGraphError as error:
        return {"return": _FAILED, "error": error.report()}
    except KeyboardInterrupt:
        return {"return": _INTERRUPTED, "error": "interrupted; nothing half-finished was kept"}
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        return {"return": _FAILED, "error": f"{error.filename or 'a file'}: {error.strerror}; see to it and run again"}
    return {"return": _FAILED if told.get("error") else 0, **told}


def _run(request: Request, options: FrontOptions, console: RunConsole, more: Sequence[Path]) -> dict[str, Any]:
    found = user_repositories()
    for rival in found.rivals:
        text = (
            "brings a script automation of its own, and cm may run that one;"
            " remove it by cm rm repo or pip uninstall, or set CM_REPOS"
        )
        console("warned", rival, {"message": text})
    # A mistake, and a look at a plan, change nothing on disk: the index is written once there has been a run.
    looking = options.plan or bool(options.explain)
    registry = load_registry(
        (*found.roots, *more), options.home / "index", keep=(options.home / "records").is_dir() and not looking
    )
    plan = resolve(request, registry)
    if options.anew == "requested" and not plan.root.manifest.cache:
        raise RequestError(
            f"--renew: {plan.root.manifest.alias} keeps nothing in the cache; --new makes what it depends on anew"
        )
    check_env(plan.root, request, registry)
    for note in plan.notes:
        console("warned", plan.root.manifest.alias, {"message": note})
    cache = Cache(options.cache)
    records = options.home / "records"
    # A look keeps nothing, digests neither.
    digests = KnownDigests(None if looking else options.home / "index" / "digests.json")
    runtime = Runtime(
        registry, cache, options.home / "state", records / "none", options.switches, console, digests, options.anew
    )
    fetches = any(step.manifest.downloads for step in plan.steps())
    if looking or options.prefetch or fetches:
        from scriptgraph import foresight  # noqa: PLC0415 - it imports the network's modules, which most runs do without
    if options.explain:
        return foresight.show_origin(plan, options.explain, console)
    if options.plan:
        return foresight.show_plan(plan, runtime, console)
    if fetches:
        foresight.require_provided(plan, runtime)
    cache.prepare()
    folder = new_run_folder(records, plan.root.manifest.alias)
    runtime = runtime.replaced(run_folder=folder)
    if options.prefetch:
        return foresight.run_prefetch(plan, runtime, request.told(), console)
    record = execute(plan, runtime, request.told())
    statuses = {step.alias: step.status for step in record.steps}
    return {
        "record": str(folder / "record.json"),
        "new_env": record.exports,
        "status": statuses[plan.root.manifest.alias],
    }
