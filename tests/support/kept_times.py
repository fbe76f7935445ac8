"""Kept times of runs with given durations, and results that have them."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import numpy as np
from results_logs import load_session, save_session, write_result

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE, KeptLatencies, Kind
from mlperf_home.harness.queries.kept import KeptTimes
from mlperf_home.latencies.series import LatencySeries, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def kept(durations_ns: Sequence[int], kind: Kind = "periods", expected_s: float = 0.0) -> KeptLatencies:
    """Return what is kept of queries that follow each other without a gap."""
    times = KeptTimes(expected_s, kind)
    ends = 5_000_000_000 + np.cumsum(np.array(durations_ns, dtype=np.int64))
    times.keep_all(ends - np.array(durations_ns, dtype=np.int64), ends)
    document = times.document()
    assert document is not None
    return document


def series(durations_ns: Sequence[int], kind: Kind = "periods", expected_s: float = 0.0) -> LatencySeries:
    return series_of(kept(durations_ns, kind, expected_s), "the run")


def honest(count: int = 12_000, mean_ns: int = 1_000_000, seed: int = 1) -> list[int]:
    """Return durations that are off by 5 %, independently."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    return [round(mean_ns * chance.lognormvariate(0, 0.05)) for _ in range(count)]


def two_states(slower: float = 0.3, first: int = 4000, last: int = 7000) -> list[int]:
    """Return durations of which those from the first to the last are slower."""
    return [round(each * (1 + slower)) if first <= number < last else each for number, each in enumerate(honest())]


def single_stream_result(root: Path, durations_ns: Sequence[int]) -> Path:
    """Write a result of SingleStream whose log and kept times have these durations; the first is of no period."""
    handing_ns = 2_000
    ordered = sorted(each - handing_ns for each in durations_ns)
    count = len(ordered)
    percentiles = {
        f"result_{share:.2f}_percentile_latency_ns": ordered[int(count * share / 100)]
        for share in (50.0, 90.0, 95.0, 97.0, 99.0, 99.9)
    }
    mean_ns = sum(ordered) // count
    write_result(
        root,
        "SingleStream",
        **percentiles,
        result_query_count=count,
        samples_per_query=1,
        result_samples_per_second=None,
        result_min_latency_ns=ordered[0],
        result_max_latency_ns=ordered[-1],
        result_mean_latency_ns=mean_ns,
        result_qps_without_loadgen_overhead=1e9 / mean_ns,
        result_qps_with_loadgen_overhead=(count - 1) / (sum(durations_ns[:-1]) / 1e9),
        early_stopping_latency_ss=ordered[min(count - 1, int(count * 0.9) + 1)],
        early_stopping_latency_ms=ordered[min(count - 1, int(count * 0.99) + 1)],
    )
    add_kept(root, kept(durations_ns[1:]))
    return root


def add_kept(root: Path, document: KeptLatencies) -> None:
    """Write kept times into a result, with their hash in the session."""
    path = root / "performance" / "run_1" / LATENCIES_FILE
    path.write_text(to_line(document), "utf-8")
    session = load_session(root, "performance")
    session["counts"] |= {"queries": document.count + 1, "samples_issued": document.count + 1}
    session["noise"] = {"noisy_because": [], "disturbance": 0.1, "reason": None}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    session["logs"][LATENCIES_FILE] = {"sha256": digest, "bytes": path.stat().st_size}
    save_session(root, "performance", session)
