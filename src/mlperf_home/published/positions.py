"""The place of a latency among published ones: only systems of the same model and runtime class are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.estimate import PublishedPosition
from mlperf_home.published.places import PublishedValue, place_among
from mlperf_home.published.results import UNKNOWN_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.published.results import PublishedResults


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
        published = (PublishedValue(system, table[model]) for system, table in tables if model in table)
        place = place_among(published, latency_ms, less_is_better=True)
        if place is None:
            continue
        position = PublishedPosition(
            model=model,
            latency_ms=latency_ms,
            systems=place.systems,
            cpus=place.cpus,
            slower=len(place.slower),
            next_faster=place.faster[0].cpu if place.faster else None,
            next_slower=place.slower[0].cpu if place.slower else None,
        )
        positions.append(position)
    return positions
