"""The place of a latency among published ones: only systems of the same model and runtime class are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.estimate import PublishedPosition
from mlperf_home.published.results import UNKNOWN_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.published.results import PublishedResults, PublishedSystem


def runtimes_of(results: PublishedResults) -> tuple[str, ...]:
    """Return the runtime classes of published systems, sorted; without systems whose class is unknown."""
    return tuple(sorted({system.runtime for system, _ in results.latencies()} - {UNKNOWN_RUNTIME}))


def why_no_position(results: PublishedResults, runtime: str) -> str:
    """Return the reason for which latencies of a runtime class have no place among the results; "" if they have."""
    known = runtimes_of(results)
    if runtime in known:
        return ""
    return f"published results used {', '.join(known)}, not {runtime}: runtimes differ by more than machines do"


def positions_of(
    results: PublishedResults, runtime: str, latencies_ms: Iterable[tuple[str, float]]
) -> list[PublishedPosition]:
    """Return the place of each latency, by model; a model without published results of this class has none."""
    tables = [(system, table) for system, table in results.latencies() if system.runtime == runtime]
    positions = []
    for model, latency_ms in latencies_ms:
        published = sorted(((table[model], _cpu(system)) for system, table in tables if model in table), reverse=True)
        if not published:
            continue
        slower = [cpu for value, cpu in published if value > latency_ms]
        faster = [cpu for value, cpu in published if value <= latency_ms]
        position = PublishedPosition(
            model=model,
            latency_ms=latency_ms,
            systems=len(published),
            cpus=len({cpu for _, cpu in published}),
            slower=len(slower),
            next_faster=faster[0] if faster else None,
            next_slower=slower[-1] if slower else None,
        )
        positions.append(position)
    return positions


def _cpu(system: PublishedSystem) -> str:
    return system.cpu or system.name
