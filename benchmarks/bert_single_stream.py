"""Compare BERT SingleStream's latency on DeepSparse under LoadGen with the bare engine's.

Run `python benchmarks/bert_single_stream.py` in an environment with the engines; it exits with 1 if the goal is missed.
Both take turns sample by sample, so a disturbance affects both. They have the same samples in different orders, because
a call after another of the same length finds its weights in the caches and is a quarter faster.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from engine_ways import engine_of, ready_call
from rounds import Goal, WayComparison, load_before, report
from sample_job import no_collections, open_job
from through_loadgen import ThroughLoadGen

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, EngineSetup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ways import EngineCall

OURS, BARE = "ours, through LoadGen", "bare engine, same samples"
GOALS = (Goal("ours / bare engine", OURS, (BARE,), 1.01, at_most=True),)


class _BareCalls:
    """Timed calls of the engine with prepared arrays, one after each query."""

    def __init__(self, calls: Sequence[EngineCall]) -> None:
        self._calls = iter(calls)
        self.latencies_ns: list[int] = []

    def __call__(self, _index: int) -> None:
        call = next(self._calls)
        started_ns = time.perf_counter_ns()
        call.run()
        self.latencies_ns.append(time.perf_counter_ns() - started_ns)


def main() -> int:
    """Open the engine and compare; return the exit code."""
    load = load_before()
    job = open_job("BERT SingleStream: ours against the bare engine", count=1000)
    samples = job.samples
    grid = Grid(LENGTHS, (1,) * len(LENGTHS), 1)
    backend = registry.make("deepsparse")
    backend.open(EngineSetup(job.model_path, job.work_dir, grid))
    ours = ThroughLoadGen("SingleStream", backend, samples, grid, job.count)
    ours.run(remember=True)
    lengths = np.asarray(samples.lengths)
    calls = []
    for index in np.random.default_rng(0).permutation(ours.indices):
        length = LENGTHS[int(np.searchsorted(LENGTHS, lengths[index]))]
        inputs = samples.batch(np.array([index], dtype=np.intp), length)
        calls.append(ready_call(engine_of(backend, 1, length), job.graphs, inputs, 1))
    no_collections()
    comparison = WayComparison("us (median)", {OURS: [], BARE: []})
    means: dict[str, list[float]] = {OURS: [], BARE: []}
    for number in range(job.rounds):
        bare = _BareCalls(calls)
        result = ours.run(after=bare)
        comparison.figures[OURS].append(result.percentiles_ns["50.00"] / 1e3)
        comparison.figures[BARE].append(statistics.median(bare.latencies_ns) / 1e3)
        means[OURS].append((result.mean_latency_ms or 0.0) * 1e3)
        means[BARE].append(statistics.fmean(bare.latencies_ns) / 1e3)
        print(f"round {number + 1} of {job.rounds}", file=sys.stderr)
    print(
        f"means of all rounds: ours {statistics.fmean(means[OURS]):.1f} us, bare {statistics.fmean(means[BARE]):.1f} us"
    )
    return 0 if report(comparison, GOALS, {**job.facts(load), "means_us": means}, job.json_path) else 1


if __name__ == "__main__":
    sys.exit(main())
