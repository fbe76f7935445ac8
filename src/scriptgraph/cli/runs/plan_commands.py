"""`--plan`, `--explain`, `--prefetch` and `--offline`; a plan as text and as JSON."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.key_sources import unsourced_keys
from scriptgraph.cli.runs.plan_summary import few, summary_lines
from scriptgraph.cli.tables import size_text
from scriptgraph.errors import RequestError, nearest
from scriptgraph.execution.before_run.forecast import Forecast
from scriptgraph.execution.before_run.preview import preview_plan
from scriptgraph.execution.before_run.required_files import list_required_files, require_reachable
from scriptgraph.execution.executor import prefetch
from scriptgraph.execution.record import Durations
from scriptgraph.execution.run_step import forget_imports
from scriptgraph.execution.traversal import StepPreview
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.conditions import guard_words
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scriptgraph.cli.console import RunConsole
    from scriptgraph.execution.before_run.required_files import RequiredFile
    from scriptgraph.execution.durations import Bounds
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.planning.plan import Need, Plan

_STATUS_TEXTS = {"cached": "in the cache", "make": "runs, then cached", "run": "runs", "again": "as above"}
_ESTIMATE_FIELDS = ("what", "subject", "machine", "low_s", "high_s", "basis")


def show_plan(plan: Plan, runtime: Runtime, console: RunConsole) -> dict[str, Any]:
    """Show what a run would do; nothing on disk changes."""
    for problem in unsourced_keys(plan, runtime.registry):
        console("warned", plan.root.title, {"message": problem})
    root, fetched = _look(plan, runtime)
    seconds = Durations(runtime.state).known()
    expected = Forecast.of(root, seconds).before
    width = shutil.get_terminal_size().columns
    lines = summary_lines(plan, root, fetched, expected, runtime.cache.root, width)
    console.text([*plan_lines(root, fetched), "", *lines] if runtime.switches.verbose else lines)
    return {"plan": plan_document(plan, root, fetched, (expected, seconds), runtime.product.schema("plan"))}


def show_origin(plan: Plan, key: str, console: RunConsole) -> dict[str, Any]:
    """Show the value and its origin for each step that reads a key.

    Raises:
        RequestError: no step reads the key.
    """
    lines = list(dict.fromkeys(origin_lines(plan, key)))
    if not lines:
        makers = dict.fromkeys(step.title for step in plan.steps() if matches_any(key, step.exports))
        close = nearest(key, {name for step in plan.steps() for name in step.manifest.reads})
        hint = f"; did you mean {close[0]}?" if close else ""
        hint = f"; it is exported by {', '.join(makers)}" if makers else hint
        raise RequestError(f"--explain={key}: no step of this plan reads it{hint}")
    console.text(lines)
    return {"explained": lines}


def prepare(plan: Plan, runtime: Runtime) -> Forecast:
    """Return the forecast of a run whose files can be had.

    Raises:
        MissingFilesError: files that the run needs are neither here nor on a reachable host.
    """
    root, fetched = _look(plan, runtime)
    require_reachable(fetched, offline=runtime.switches.offline)
    return Forecast.of(root, Durations(runtime.state).known())


def run_prefetch(plan: Plan, runtime: Runtime, request: Mapping[str, Any], console: RunConsole) -> dict[str, Any]:
    """Run the cached steps and stop; warn about those that cannot run yet."""
    record, root = prefetch(plan, runtime, request)
    waiting = [each for each in root.all() if each.step.manifest.cache and each.status == "open"]
    made = sum(each.status == "done" and each.cache_key is not None for each in record.steps)
    console.text([f"{made} made, {sum(each.status == 'cached' for each in root.all())} were in the cache already"])
    for each in waiting:
        reason = each.error or f"it needs {', '.join(each.waits_for)}, which earlier steps export when they run"
        console("warned", each.step.title, {"message": f"not prefetched: {reason}"})
    for need in root.deferred():
        keys = ", ".join(sorted(need.waits_for))
        console(
            "warned", need.dependency.tags, {"message": f"not prefetched: it depends on {keys}, known only in a run"}
        )
    return {
        "record": str(runtime.run_folder / "record.json"),
        "waiting": [each.step.title for each in waiting],
        "deferred": [need.dependency.tags for need in root.deferred()],
    }


def _look(plan: Plan, runtime: Runtime) -> tuple[StepPreview, list[RequiredFile]]:
    forget_imports()
    root = preview_plan(plan, runtime)
    downloads, facts = runtime.state.parent / "downloads", runtime.product.file_facts
    return root, list_required_files(root, runtime.switches.mirrors, downloads, facts)


def plan_lines(root: StepPreview, fetched: Sequence[RequiredFile]) -> list[str]:
    """Return the steps and the downloads of a plan as lines of text, with the dependencies that are left out."""
    lines = [*_step_lines(root, 0), ""]
    for each in fetched:
        exact, about = each.download.size_bytes, each.facts.about_bytes
        size = f"{exact:,} bytes" if exact else f"about {size_text(about)}" if about else "size unknown"
        hosts = ", ".join(dict.fromkeys(host for host, _ in each.hosts))
        source = f"{each.local} (here)" if each.local else hosts or "the package index"
        lines.append(f"  {each.download.name}: {size}, {source}")
    return lines


def plan_document(
    plan: Plan,
    root: StepPreview,
    fetched: Sequence[RequiredFile],
    times: tuple[Bounds, Mapping[str, float]],
    schema: str,
) -> dict[str, Any]:
    """Return a plan as JSON values with the name of their schema.

    `times` are the expected duration, and the seconds of the steps' last runs by title.
    """
    expected, seconds = times
    return {
        "schema": schema,
        "fingerprint": plan.fingerprint,
        "root": _document(root, seconds),
        "expected_time": {
            "low_s": expected.low_s if expected.known else None,
            "high_s": expected.high_s if expected.known else None,
            "unknown": list(expected.uncounted),
        },
        "downloads": [
            {
                "name": each.download.name,
                "step": each.step,
                "size_bytes": each.download.size_bytes,
                "about_bytes": each.facts.about_bytes,
                "licence": each.facts.licence or None,
                "sources": list(each.shown),
                "hosts": sorted({host for host, _ in each.hosts}),
                "local": None if each.local is None else str(each.local),
                "digests": list(each.download.digests),
            }
            for each in fetched
        ],
    }


def origin_lines(plan: Plan, key: str) -> Iterator[str]:
    """Yield a line for each step that reads a key: its value before the run and the value's origin."""
    for step in plan.steps():
        if key in step.manifest.reads and key in step.env:
            setting = step.env.origin(key)
            yield f"{step.title}: {key}={as_text(setting.value)} ({setting.layer.name.lower()}: {setting.source})"
        elif key in step.manifest.reads:
            yield f"{step.title}: {key} is not set before the run"


def _step_lines(found: StepPreview, depth: int) -> Iterator[str]:
    open_for = f"waits for {few(found.waits_for)}" if found.status == "open" else ""
    status = found.error or _STATUS_TEXTS.get(found.status, open_for)
    choices = [f"_{each.written} ({each.why})" if each.why else f"_{each.written}" for each in found.step.variations]
    choices += [f"version {found.step.version}"] if found.step.version else []
    line = "  " * depth + found.step.manifest.alias + (f" [{', '.join(choices)}]" if choices else "")
    row = f" (row {found.row})" if found.row else ""
    yield f"{line}{row} - {status}" if status else line + row
    # The steps of later table rows are those of the first.
    if found.status == "again" or (found.row and found.row.number > 1):
        return
    for child in found.below:
        if isinstance(child, StepPreview):
            yield from _step_lines(child, depth + 1)
        elif child.waits_for:
            waits = few(sorted(child.waits_for))
            yield "  " * (depth + 1) + f"? {child.dependency.tags} - unresolved until {waits} is known"
        elif not child.dependency.row:
            yield "  " * (depth + 1) + f"(left out: {child.dependency.tags}: {guard_words(child.dependency)})"


def _document(found: StepPreview | Need, seconds: Mapping[str, float]) -> dict[str, Any]:
    if not isinstance(found, StepPreview):
        return {
            "tags": found.dependency.tags,
            "status": "deferred" if found.waits_for else "not wanted",
            "waits_for": sorted(found.waits_for),
            "guard": guard_words(found.dependency),
        }
    step, estimate = found.step, found.estimate
    return {
        "alias": step.manifest.alias,
        "folder": str(step.manifest.folder),
        "variations": [{"name": each.written, "why": each.why} for each in step.variations],
        "version": step.version or None,
        "status": found.status,
        "cache_key": found.key if step.manifest.cache else None,
        "waits_for": list(found.waits_for),
        "error": found.error or None,
        "seconds_last_time": seconds.get(step.title),
        "row": found.row._asdict() if found.row else None,
        "estimate": {name: getattr(estimate, name) for name in _ESTIMATE_FIELDS} if estimate else None,
        "needs": [_document(each, seconds) for each in found.below],
    }
