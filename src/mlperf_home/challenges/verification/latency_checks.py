"""Compare the kept times of a run with LoadGen's log.

Each period of SingleStream lasts at least as long as LoadGen's latency of the same query, and each latency of another
scenario at most as long: they are measured around LoadGen's, or within. Percentiles keep that order. They cannot be far
apart either: the means tell the difference of all queries together, so that few can differ by much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.latencies import LATENCIES_FILE, kind_of
from mlperf_home.latencies.buckets import WIDTH
from mlperf_home.latencies.series import read_series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.latencies.series import LatencySeries
    from mlperf_home.loadgen_logs.run_log import LoadGenResult

_LONGEST = re.compile(r"result_max_(query_)?latency_ns")
# Shares of a duration: the harness's counting between queries, and the handing over of an Offline query.
_COUNTING, _HANDING_OVER = 0.05, 0.02
_SLACK_S = 1.0
# Shares of queries whose differences are looked at.
_APART = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


def latency_problems(session: Session, logs: Path, logged: LoadGenResult) -> Iterator[str]:
    """Yield differences between the kept times of a session and LoadGen's log; nothing without kept times.

    Raises:
        DocumentError: the file of the kept times is damaged.
    """
    if LATENCIES_FILE not in session.logs:
        return
    series = read_series(logs / LATENCIES_FILE)
    if (
        series.kind != kind_of(logged.scenario, has_lengths=bool(session.grid.lengths))
        or session.job.mode != "performance"
    ):
        yield f"{LATENCIES_FILE} has {series.kind}, not those of a {session.job.mode} run of {logged.scenario}"
        return
    wanted = _count(session, logged, series)
    if wanted is not None and series.count != wanted:
        yield f"{LATENCIES_FILE} has {series.count} {series.kind}, but the log gives {wanted}"
        return
    yield from _duration_problems(session, logged, series)
    if not series.completions:
        yield from _order_problems(logged, series)


def _count(session: Session, logged: LoadGenResult, series: LatencySeries) -> int | None:
    if series.completions or logged.scenario == "Server":
        return session.counts.samples_completed
    queries = logged.query_count
    return queries - 1 if queries is not None and series.kind == "periods" else queries


def _duration_problems(session: Session, logged: LoadGenResult, series: LatencySeries) -> Iterator[str]:
    duration_s, values = series.duration_s, logged.values
    low_s, high_s = 0.0, session.times.run_s + _SLACK_S
    rate, longest_ns = values.get("result_qps_with_loadgen_overhead"), values.get("result_max_latency_ns")
    if series.kind == "periods" and rate and longest_ns:
        # LoadGen counts from the first issue to the last, the harness from the first completion to the last.
        from_log_s, apart_s = series.count / rate, longest_ns / 1e9 + _COUNTING
        low_s, high_s = from_log_s - apart_s, from_log_s + apart_s
    elif series.completions and longest_ns:
        low_s, high_s = longest_ns / 1e9 * (1 - _HANDING_OVER) - _SLACK_S, longest_ns / 1e9 * (1 + WIDTH)
    if not low_s <= duration_s <= high_s:
        yield f"{LATENCIES_FILE} lasts {duration_s:.6g} s, but the log gives {max(0.0, low_s):.6g} to {high_s:.6g} s"
    total_s = sum(block.sum_ns for block in series.blocks) / 1e9
    if series.kind == "periods" and not duration_s * (1 - _COUNTING) <= total_s <= duration_s * (1 + WIDTH):
        yield f"{LATENCIES_FILE} has periods of {total_s:.6g} s together, but lasts {duration_s:.6g} s"


def _order_problems(logged: LoadGenResult, series: LatencySeries) -> Iterator[str]:
    """Yield percentiles that contradict LoadGen's."""
    mean_ns, periods = 1e6 * (logged.mean_latency_ms or 0.0), series.kind == "periods"
    if not mean_ns:
        return
    shares, theirs = _percentiles(logged)
    # One query more or less moves a rank by less than this share, and the mean by the longest latency times it.
    step = 2 / series.count
    longest_ns = max((value for key, value in logged.values.items() if _LONGEST.fullmatch(key)), default=mean_ns)
    shifted = [series.histogram.quantile_ns(share + (step if periods else -step)) for share in shares]
    longer, shorter = (shifted, theirs) if periods else (theirs, shifted)
    for share, longer_ns, shorter_ns in zip(shares, longer, shorter, strict=True):
        # The first query has no period, and may be the slowest.
        if share + step < 1 and longer_ns < shorter_ns * (1 - WIDTH):
            yield _contradiction(logged, series, share, f"{'less' if periods else 'more'} than the log's")
    apart_ns = (series.mean_ns - mean_ns) * (1 if periods else -1) + step * longest_ns
    if apart_ns < -WIDTH * series.mean_ns:
        yield f"{LATENCIES_FILE} has a mean of {series.mean_ns:.6g} ns, but the log's is {mean_ns:.6g} ns"
        return
    # The differences of all queries add up to that of the means: only a share of them differs by more than so much.
    for share, logged_ns in zip(shares, theirs, strict=True):
        for apart in (each for each in _APART if step < each < (share if periods else 1 - share)):
            own_ns = series.histogram.quantile_ns(share + (step - apart if periods else apart - step))
            longer_ns, shorter_ns = (own_ns, logged_ns) if periods else (logged_ns, own_ns)
            if longer_ns > (shorter_ns + max(0.0, apart_ns) / apart) * (1 + 2 * WIDTH):
                yield _contradiction(logged, series, share, "further from the log's than the means allow:")
                break


def _percentiles(logged: LoadGenResult) -> tuple[list[float], list[float]]:
    """Return the shares and the latencies of LoadGen's percentiles."""
    pairs = sorted((float(name) / 100, float(ns)) for name, ns in logged.percentiles_ns.items())
    return [share for share, _ in pairs], [ns for _, ns in pairs]


def _contradiction(logged: LoadGenResult, series: LatencySeries, share: float, words: str) -> str:
    name, own_ns = f"{100 * share:.2f}", series.histogram.quantile_ns(share)
    return f"{LATENCIES_FILE} has a {name} percentile of {own_ns:.6g} ns, {words} {logged.percentiles_ns[name]} ns"
