"""The values of a measurement that follow from the kept latencies of its run: intervals, and states of the machine.

An interval is around LoadGen's value, as wide in proportion as that of the harness's own times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.contracts.runs.latencies import LATENCIES_FILE
from mlperf_home.contracts.runs.session import IngestError
from mlperf_home.latencies.bootstrap import (
    CONFIDENCE,
    FEWEST_BLOCKS,
    RelativeInterval,
    mean_interval,
    percentile_interval,
    rate_interval,
)
from mlperf_home.latencies.series import read_series
from mlperf_home.latencies.states import states_of
from mlperf_home.measurements.layout import PERFORMANCE_DIR
from mlperf_home.measurements.measurement import Value, unknown
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.latencies.series import LatencySeries
    from mlperf_home.measurements.measurement import Measurement

LOW, HIGH = "low_", "high_"
"""Prefixes of the names of an interval's bounds."""

CHANGED_STATE, AUTOCORRELATION = "changed_state", "latency_autocorrelation"
SESSION_ONLY = "this session"
"""Every interval of one run holds for its session: it knows no other."""

_SOURCE = f"{PERFORMANCE_DIR}/{LATENCIES_FILE}"
_AGAIN = "run the benchmark again"
# The percentile that a scenario's metric is of.
_METRICS = {"SingleStream": 0.9, "MultiStream": 0.99}
_PERCENTILES = {"latency_p50.00_ms": 0.5, "latency_p90.00_ms": 0.9, "latency_p99.00_ms": 0.99}


class RunTimes(NamedTuple):
    """The values by name, and a phrase for a change of the machine's state, if there was one."""

    values: Mapping[str, Value]
    noisy_because: tuple[str, ...]


def run_times(result_dir: Path, session: Session, values: Mapping[str, Value]) -> RunTimes:
    """Return the intervals around the values of a performance run, and its states.

    Raises:
        IngestError: the kept latencies are damaged.
    """
    if LATENCIES_FILE not in session.logs:
        return RunTimes({CHANGED_STATE: unknown("the run kept no latencies")}, ())
    path = result_dir / PERFORMANCE_DIR / LATENCIES_FILE
    try:
        series = read_series(path)
    except DocumentError as error:
        place = f"{error.pointer}: " if error.pointer else ""
        raise IngestError(path, f"{place}{error.problem}", _AGAIN) from None
    found: dict[str, Value] = {}
    for name, interval in _intervals(series, session.job.scenario):
        value = values.get(name)
        if interval is not None and value is not None and value.number:
            method = f"block bootstrap, {CONFIDENCE:.0%}, stretches of {interval.stretch_s:.3g} s, {SESSION_ONLY} only"
            for prefix, factor in ((LOW, interval.low), (HIGH, interval.high)):
                found[f"{prefix}{name}"] = Value(value.number * factor, "inferred", _SOURCE, method)
    states = states_of(series)
    reason = f"a run of fewer than {FEWEST_BLOCKS} blocks is too short to tell"
    if series.kind == "sorted completions":
        reason = "Offline's long samples come first, so that the rate changes with them"
    if states.changed is None or states.autocorrelation is None:
        return RunTimes({**found, CHANGED_STATE: unknown(reason)}, ())
    found[AUTOCORRELATION] = Value(
        round(states.autocorrelation, 4), "inferred", _SOURCE, "of neighbouring parts' ranks"
    )
    found[CHANGED_STATE] = Value("yes" if states.changed else "no", "inferred", _SOURCE, "ranks of parts of the run")
    if not states.changed:
        return RunTimes(found, ())
    found["slow_state_percent"] = Value(
        round(states.slower_percent, 2), "inferred", _SOURCE, "slow parts beside others"
    )
    found["slow_state_s"] = Value(round(states.slow_s, 4), "inferred", _SOURCE, "length of the slow parts")
    return RunTimes(found, (states.text,))


def _intervals(series: LatencySeries, scenario: str) -> Iterator[tuple[str, RelativeInterval | None]]:
    if series.completions:
        yield "samples_per_second", rate_interval(series)
        return
    yield "mean_latency_ms", mean_interval(series)
    by_share = {share: percentile_interval(series, share) for share in _PERCENTILES.values()}
    yield from ((name, by_share[share]) for name, share in _PERCENTILES.items())
    if scenario in _METRICS:
        yield "latency_ms", by_share[_METRICS[scenario]]


def bounds(measurement: Measurement, name: str) -> tuple[float, float] | None:
    """Return the interval of a value; None if it is unknown."""
    low, high = (measurement.values.get(f"{prefix}{name}") for prefix in (LOW, HIGH))
    if low is None or high is None or low.number is None or high.number is None:
        return None
    return low.number, high.number


def interval_text(measurement: Measurement, name: str) -> str:
    """Return the interval of a value for people, with a space before it; "" if it is unknown."""
    known = bounds(measurement, name)
    return "" if known is None else f" ({known[0]:.5g} to {known[1]:.5g}, {SESSION_ONLY})"
