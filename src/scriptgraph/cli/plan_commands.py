"""What `--plan`, `--explain`, `--prefetch` and `--offline` do with a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.plan_text import origin_lines, plan_document, plan_lines
from scriptgraph.errors import RequestError, nearest
from scriptgraph.execution.executor import prefetch
from scriptgraph.execution.loader import forget
from scriptgraph.execution.preview import foresee
from scriptgraph.execution.record import Durations
from scriptgraph.execution.required_files import Fetch, fetches, require_reachable
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.resolver import exports_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.cli.console import RunConsole
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.execution.traversal import Foreseen
    from scriptgraph.planning.plan import Plan


def show_plan(plan: Plan, runtime: Runtime, console: RunConsole) -> dict[str, Any]:
    """Show what a run would do; nothing on disk changes."""
    root, fetched = _look(plan, runtime)
    seconds = Durations(runtime.state).known()
    console.text(plan_lines(plan, root, fetched, seconds, verbose=runtime.switches.verbose))
    return {"plan": plan_document(plan, root, fetched, seconds, runtime.product.schema("plan"))}


def show_origin(plan: Plan, key: str, console: RunConsole) -> dict[str, Any]:
    """Show for each step that reads a key which value it gets, and from where.

    Raises:
        RequestError: no step of the plan reads it.
    """
    lines = list(origin_lines(plan, key))
    if not lines:
        makers = dict.fromkeys(step.title for step in plan.steps() if matches_any(key, exports_of(step)))
        close = nearest(key, {name for step in plan.steps() for name in step.manifest.reads})
        hint = f"; did you mean {close[0]}?" if close else ""
        hint = f"; what exports it when it runs: {', '.join(makers)}" if makers else hint
        raise RequestError(f"--explain={key}: no step of this plan reads it{hint}")
    console.text(lines)
    return {"explained": lines}


def require_provided(plan: Plan, runtime: Runtime) -> None:
    """Refuse a run that needs something which is neither here nor at a host that answers.

    Raises:
        MissingFilesError: there is such a thing; the text lists all of them.
    """
    _, fetched = _look(plan, runtime)
    require_reachable(fetched, offline=runtime.switches.offline)


def run_prefetch(plan: Plan, runtime: Runtime, request: Mapping[str, Any], console: RunConsole) -> dict[str, Any]:
    """Make what is kept in the cache and stop; say what could not be made yet."""
    record, root = prefetch(plan, runtime, request)
    waiting = [each for each in root.all() if each.step.manifest.cache and each.status == "open"]
    made = sum(each.status == "done" and each.cache_key is not None for each in record.steps)
    console.text([f"{made} made, {sum(each.status == 'cached' for each in root.all())} were in the cache already"])
    for each in waiting:
        why = each.error or f"it stands on {', '.join(each.waits_for)}, which earlier steps export when they run"
        console("warned", each.step.title, {"message": f"not fetched: {why}"})
    for need in root.deferred():
        keys = ", ".join(sorted(need.waits_for))
        console("warned", need.dependency.tags, {"message": f"not looked at: {keys} decides it, known when others ran"})
    return {
        "record": str(runtime.run_folder / "record.json"),
        "waiting": [each.step.title for each in waiting],
        "deferred": [need.dependency.tags for need in root.deferred()],
    }


def _look(plan: Plan, runtime: Runtime) -> tuple[Foreseen, list[Fetch]]:
    forget()
    root = foresee(plan, runtime)
    return root, fetches(root, runtime.switches.mirrors, runtime.state.parent / "downloads")
