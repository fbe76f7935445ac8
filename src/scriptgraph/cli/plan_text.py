"""A plan, and what is foreseen of it, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.execution.traversal import Foreseen
from scriptgraph.planning.condition_text import guard_words
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scriptgraph.execution.required_files import Fetch
    from scriptgraph.planning.plan import Need, Plan, Step

_SAID = {
    "cached": "in the cache",
    "make": "made, then kept in the cache",
    "run": "runs",
    "pass": "",
    "again": "as above",
    "open": "",
}
_MIB = 1 << 20


def plan_lines(
    plan: Plan, root: Foreseen, fetched: Sequence[Fetch], seconds: Mapping[str, float], *, verbose: bool
) -> Iterator[str]:
    """Give a plan as lines of text.

    Args:
        plan: the plan.
        root: what is foreseen of it.
        fetched: what would be downloaded.
        seconds: how long a step took when it last ran, by title.
        verbose: also tell of dependencies that are not wanted.
    """
    yield f"plan {plan.fingerprint[:12]} for {plan.root.title}"
    yield from _step_lines(root, 0, verbose=verbose)
    yield ""
    known = [each.size_bytes for each in (one.download for one in fetched) if each.size_bytes]
    if fetched:
        sizes = [f"{sum(known) / _MIB:.1f} MiB"] if known else []
        sizes += [f"{len(fetched) - len(known)} of unknown size"] if len(known) < len(fetched) else []
        yield f"downloads: {len(fetched)} ({', and '.join(sizes)}); as much disk at least"
        for each in fetched:
            size = f"{each.download.size_bytes:,} bytes" if each.download.size_bytes else "size unknown"
            source = f"{each.local} (here)" if each.local else _hosts(each) or "the package index"
            yield f"  {each.download.name}: {size}, {source}"
    else:
        yield "downloads: none that is known now"
    yield _time(root, seconds)


def plan_document(
    plan: Plan, root: Foreseen, fetched: Sequence[Fetch], seconds: Mapping[str, float], schema: str
) -> dict[str, Any]:
    """Return a plan as JSON values of a schema of this name."""
    return {
        "schema": schema,
        "fingerprint": plan.fingerprint,
        "root": _document(root, seconds),
        "downloads": [
            {
                "name": each.download.name,
                "step": each.step,
                "size_bytes": each.download.size_bytes,
                "sources": list(each.shown),
                "hosts": sorted({host for host, _ in each.hosts}),
                "local": None if each.local is None else str(each.local),
                "digests": list(each.download.digests),
            }
            for each in fetched
        ],
    }


def origin_lines(plan: Plan, key: str) -> Iterator[str]:
    """Say for each step that reads a key which value it has before the run, and where that came from."""
    seen = set()
    for step in plan.steps():
        if key not in step.manifest.reads:
            continue
        if key in step.env:
            setting = step.env.origin(key)
            line = f"{step.title}: {key}={as_text(setting.value)} ({setting.layer.name.lower()}: {setting.source})"
        else:
            line = f"{step.title}: {key} is not set before the run"
        if line not in seen:
            seen.add(line)
            yield line


def _step_lines(found: Foreseen, depth: int, *, verbose: bool) -> Iterator[str]:
    said = found.error or _SAID[found.status]
    if found.status == "open" and not found.error:
        said = f"waits for {_few(found.waits_for)}"
    parts = (found.step.manifest.alias, _choices(found.step), f"- {said}" if said else "")
    yield "  " * depth + " ".join(part for part in parts if part)
    if found.status == "again":
        return
    for child in found.below:
        if isinstance(child, Foreseen):
            yield from _step_lines(child, depth + 1, verbose=verbose)
        elif child.deferred:
            waits = _few(sorted(child.waits_for))
            yield "  " * (depth + 1) + f"? {child.dependency.tags} - decided when {waits} is known"
        elif verbose:
            yield "  " * (depth + 1) + f"(left out: {child.dependency.tags}: {guard_words(child.dependency.guard)})"


def _choices(step: Step) -> str:
    parts = [f"_{each.written} ({each.why})" if each.why else f"_{each.written}" for each in step.variations]
    if step.version:
        parts.append(f"version {step.version}")
    return f"[{', '.join(parts)}]" if parts else ""


def _few(keys: Sequence[str], most: int = 3) -> str:
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")


def _hosts(fetch: Fetch) -> str:
    return ", ".join(dict.fromkeys(host for host, _ in fetch.hosts))


def _time(root: Foreseen, seconds: Mapping[str, float]) -> str:
    to_do = [each.step.title for each in root.all() if each.status in {"make", "run", "open"}]
    known = [seconds[title] for title in to_do if title in seconds]
    if not known:
        return "time: not known; no earlier run on this machine tells"
    less = f"; {len(to_do) - len(known)} of {len(to_do)} steps have not run here yet" if len(known) < len(to_do) else ""
    return f"time: about {sum(known):.0f} s by the last runs here{less}"


def _document(found: Foreseen, seconds: Mapping[str, float]) -> dict[str, Any]:
    step = found.step
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
        "needs": [_document(each, seconds) if isinstance(each, Foreseen) else _need(each) for each in found.below],
    }


def _need(need: Need) -> dict[str, Any]:
    return {
        "tags": need.dependency.tags,
        "status": "deferred" if need.deferred else "not wanted",
        "waits_for": sorted(need.waits_for),
        "guard": guard_words(need.dependency.guard),
    }
