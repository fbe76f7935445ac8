"""Run a request, or do what stands in a run's place: its plan, an origin, a prefetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cache.digests import KnownDigests
from scriptgraph.cache.store import Cache
from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import RequestError
from scriptgraph.execution.executor import execute
from scriptgraph.execution.record import new_run_folder
from scriptgraph.execution.runtime import Runtime
from scriptgraph.planning.options import check_env
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.catalog.repositories import Repositories
    from scriptgraph.cli.console import RunConsole
    from scriptgraph.cli.run_options import RunOptions
    from scriptgraph.planning.plan import Plan, Request
    from scriptgraph.product import Product


def run_request(
    product: Product, found: Repositories, request: Request, options: RunOptions, console: RunConsole
) -> dict[str, Any]:
    """Run a request as its options want it.

    Raise ScriptGraphError if the request has no plan, or a step fails.
    """
    _warn_of_rivals(found, console)
    # A mistake, and a look at a plan, change nothing on disk: the index is written once there has been a run.
    looking = options.plan or bool(options.explain)
    keeping = (options.home / "records").is_dir() and not looking
    registry = load_registry(found.roots, options.home / "index", keep=keeping)
    plan = _plan(request, registry, options, console)
    runtime = _runtime(product, registry, options, console, looking=looking)
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
    runtime = runtime.replaced(run_folder=new_run_folder(options.home / "records", plan.root.manifest.alias))
    if options.prefetch:
        return plan_commands.run_prefetch(plan, runtime, request.as_document(), console)
    return _execute(plan, runtime, request)


def _warn_of_rivals(found: Repositories, console: RunConsole) -> None:
    for rival in found.rivals:
        text = "brings a script automation of its own, and cm may run that one"
        remedy = "remove it by cm rm repo or pip uninstall, or set CM_REPOS"
        console("warned", rival, {"message": f"{text}; {remedy}"})


def _plan(request: Request, registry: Registry, options: RunOptions, console: RunConsole) -> Plan:
    """Resolve a request, and show the notes on it."""
    plan = resolve(request, registry)
    alias = plan.root.manifest.alias
    if options.rebuild == "requested" and not plan.root.manifest.cache:
        raise RequestError(f"--renew: {alias} keeps nothing in the cache; --new makes what it depends on anew")
    check_env(plan.root, request, registry)
    for note in plan.notes:
        console("warned", alias, {"message": note})
    return plan


def _runtime(
    product: Product, registry: Registry, options: RunOptions, console: RunConsole, *, looking: bool
) -> Runtime:
    # A look keeps nothing, digests neither.
    digests = KnownDigests(None if looking else options.home / "index" / "digests.json")
    nowhere = options.home / "records" / "none"
    return Runtime(
        product, registry, Cache(options.cache), options.home / "state", nowhere, options.switches, console, digests,
        options.rebuild,
    )  # fmt: skip


def _execute(plan: Plan, runtime: Runtime, request: Request) -> dict[str, Any]:
    record = execute(plan, runtime, request.as_document())
    return {
        "record": str(runtime.run_folder / "record.json"),
        "new_env": record.exports,
        "status": {step.alias: step.status for step in record.steps}[plan.root.manifest.alias],
    }
