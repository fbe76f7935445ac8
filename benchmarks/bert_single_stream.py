"""BERT SingleStream on DeepSparse: the latency that LoadGen sees against the bare engine's.

`python benchmarks/bert_single_stream.py` in an environment with the engines; exits with 1 if the goal is missed.
"""

from __future__ import annotations

import sys

import numpy as np
from engine_ways import engine_of, ready_call, single_stream_bare
from rounds import Comparison, Goal, load_before, report
from sample_job import no_collections, open_job
from through_loadgen import ThroughLoadGen

from mlperf_home.backends import registry
from mlperf_home.backends.base import Grid, Request
from mlperf_home.backends.lengths import LENGTHS

OURS, BARE = "ours, through LoadGen", "bare engine, same samples"
GOALS = (Goal("ours / bare engine", OURS, (BARE,), 1.01, at_most=True),)


def main() -> int:
    """Open the engine, compare."""
    load = load_before()
    job = open_job("BERT SingleStream: ours against the bare engine", count=1000)
    samples = job.samples
    grid = Grid(LENGTHS, (1,) * len(LENGTHS), 1)
    backend = registry.make("deepsparse")
    backend.open(Request(job.model_path, job.work_dir, grid))
    ours = ThroughLoadGen("SingleStream", backend, samples, grid, job.count)
    ours.run(remember=True)
    lengths = np.asarray(samples.lengths)
    calls = []
    for index in ours.indices:
        length = LENGTHS[int(np.searchsorted(LENGTHS, lengths[index]))]
        inputs = samples.batch(np.array([index], dtype=np.intp), length)
        calls.append(ready_call(engine_of(backend, 1, length), job.graphs, inputs, 1))
    no_collections()
    comparison = Comparison("us (mean)")
    comparison.run(
        {OURS: lambda: (ours.run().mean_latency_ns or 0.0) / 1e3, BARE: lambda: single_stream_bare(calls)}, job.rounds
    )
    return 0 if report(comparison, GOALS, job.facts(load), job.json_path) else 1


if __name__ == "__main__":
    sys.exit(main())
