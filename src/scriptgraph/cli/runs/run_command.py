"""Run a request, or show its plan, explain a value or prefetch instead."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.digests import KnownDigests
from scriptgraph.cache.store import Cache
from scriptgraph.cli.runs.run_options import Afterwards
from scriptgraph.cli.scripts import aliases_in, foreign_runner, load_scripts
from scriptgraph.errors import RequestError
from scriptgraph.execution.before_run.machine_limits import check_folders, check_machine
from scriptgraph.execution.durations import bounds_text
from scriptgraph.execution.executor import execute
from scriptgraph.execution.record import new_run_folder
from scriptgraph.execution.runtime import Runtime
from scriptgraph.files.json_reader import parse_json
from scriptgraph.manifest.foreign import STATE_PREFIX
from scriptgraph.planning.options import check_env
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.cli.console import RunConsole
    from scriptgraph.cli.runs.run_options import RunOptions
    from scriptgraph.execution.before_run.forecast import Forecast
    from scriptgraph.planning.plan import Plan, Request
    from scriptgraph.product import Product


def run_request(
    product: Product,
    found: Repositories,
    request: Request,
    options: RunOptions,
    console: RunConsole,
    registry: Registry | None = None,
) -> dict[str, Any]:
    """Run a request according to its options; `registry` has the scripts, by default all that are found.

    Raises:
        ScriptGraphError: the request cannot be resolved, or a step fails.
    """
    _warn_of_rivals(found, console)
    _warn_of_absent(found, console)
    # A preview or a failed first command writes nothing to disk: the index is written only after a first run.
    preview = options.plan or bool(options.explain)
    keep = (options.home / "records").is_dir() and not preview
    if registry is None:
        registry = load_scripts(found, options.home / "index", keep=keep)
    if found.collections:
        registry.made = partial(aliases_in, Cache(options.cache))
    _warn_of_broken(registry, console)
    plan = _plan(request, registry, options, console)
    runtime = _runtime(product, registry, options, console, preview=preview)
    if found.collections:
        runtime = runtime.replaced(foreign=foreign_runner(found.collections))
    fetches = any(step.manifest.downloads for step in plan.steps())
    lasts = fetches or any(step.manifest.estimates for step in plan.steps())
    if preview or options.prefetch or lasts:
        from scriptgraph.cli.runs import plan_commands  # noqa: PLC0415 - imports network modules that most runs do not need
    if options.explain:
        return plan_commands.show_origin(plan, options.explain, console)
    if options.plan:
        return plan_commands.show_plan(plan, runtime, console)
    check_machine(plan, request)
    forecast = plan_commands.prepare(plan, runtime) if lasts else None
    runtime.cache.prepare()
    check_folders((("--home", options.home),))
    runtime = runtime.replaced(run_folder=new_run_folder(options.home / "records", plan.root.manifest.alias))
    if options.prefetch:
        return plan_commands.run_prefetch(plan, runtime, request.as_document(), console)
    start_ns = time.monotonic_ns()
    answer = _execute(plan, runtime, request, forecast)
    if options.afterwards == Afterwards():
        return answer
    from scriptgraph.cli.runs.after_run import finish  # noqa: PLC0415 - most runs have none of them

    return {**answer, **finish(options.afterwards, answer, start_ns, console)}


def _warn_of_rivals(found: Repositories, console: RunConsole) -> None:
    for rival in found.rivals:
        text = "has a script automation of its own, which cm may run instead of this one"
        remedy = "remove it with cm rm repo or pip uninstall, or set CM_REPOS; add,collection keeps its scripts"
        console("warned", rival, {"message": f"{text}; {remedy}"})


def _warn_of_absent(found: Repositories, console: RunConsole) -> None:
    for each in found.collections:
        if not each.scripts.is_dir():
            remedy = f"bring it back, or run cm run script --tags=remove,collection --name={each.name}"
            console("warned", each.name, {"message": f"the collection's folder {each.scripts} is missing; {remedy}"})


def _warn_of_broken(registry: Registry, console: RunConsole) -> None:
    """Name the first manifest that no request can find, and the number of the others, in one line."""
    if broken := registry.unreadable():
        more = f"; so are {len(broken) - 1} more (cm find script lists them)" if len(broken) > 1 else ""
        console(
            "warned", "scripts", {"message": f"a broken manifest is skipped: {' '.join(str(broken[0]).split())}{more}"}
        )


def _plan(request: Request, registry: Registry, options: RunOptions, console: RunConsole) -> Plan:
    """Resolve a request and show its notes."""
    plan = resolve(request, registry)
    alias = plan.root.manifest.alias
    if options.rebuild == "requested" and not plan.root.manifest.cache:
        raise RequestError(f"--renew: {alias} is not cached; renew its dependencies with --new")
    check_env(plan.root, request, registry)
    if request.near is None and (others := registry.also_in_collections(request.query)):
        others = [each for each in others if each.partition(":")[2] != alias or plan.root.manifest.foreign is None]
        if others and plan.root.manifest.foreign is None:
            console("said", alias, {"message": f"also fits {', '.join(others)}; write NAME:tags for a collection's"})
    for note in plan.notes:
        console("warned", alias, {"message": note})
    return plan


def _runtime(
    product: Product, registry: Registry, options: RunOptions, console: RunConsole, *, preview: bool
) -> Runtime:
    # A preview stores no digests.
    digests = KnownDigests(None if preview else options.home / "index" / "digests.json")
    nowhere = options.home / "records" / "none"
    return Runtime(
        product, registry, Cache(options.cache), options.home / "state", nowhere, options.switches, console, digests,
        options.rebuild,
    )  # fmt: skip


def _execute(plan: Plan, runtime: Runtime, request: Request, forecast: Forecast | None) -> dict[str, Any]:
    if forecast is not None and forecast.before.known:
        runtime.announce("expected", plan.root.title, {"message": bounds_text(forecast.before)})
    record = execute(plan, runtime, request.as_document(), forecast)
    return {
        "record": str(runtime.run_folder / "record.json"),
        "new_env": {key: value for key, value in record.exports.items() if not key.startswith(STATE_PREFIX)},
        "new_state": _state(record.exports),
        "status": {step.alias: step.status for step in record.steps}[plan.root.manifest.alias],
    }


def _state(exports: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that foreign scripts export; ours export values of the environment only."""
    found = {key: value for key, value in exports.items() if key.startswith(STATE_PREFIX)}
    return {key[len(STATE_PREFIX) :]: _parsed(value) for key, value in found.items()}


def _parsed(text: str) -> Any:
    return parse_json(text, "the state of a foreign script", paths=True)
