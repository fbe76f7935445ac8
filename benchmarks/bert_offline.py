"""Compare BERT Offline on DeepSparse under LoadGen with a bare engine, a naive loop and the harness of 2023.

Run `python benchmarks/bert_offline.py` in an environment with the engines; it exits with 1 if a goal is missed.
"""

from __future__ import annotations

import sys

from engine_ways import bare, engine_of, harness_2023, naive, ready_call
from rounds import Goal, WayComparison, load_before, report
from sample_job import no_collections, open_job
from through_loadgen import ThroughLoadGen

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, EngineSetup
from mlperf_home.engines.calibration.calibrate import calibrate
from mlperf_home.engines.calibration.shapes import default_candidates, grid_contest
from mlperf_home.engines.engine import usable_cores
from mlperf_home.harness.queries.sut import split_query

BATCHES_2023 = (1, 8)

OURS, BARE, NAIVE = "ours, through LoadGen", "bare engine, our batches", "naive: 384, batch 1, synchronous"
WAYS_2023 = tuple(f"2023: buckets 192 and 384, batch {batch}" for batch in BATCHES_2023)
GOALS = (
    Goal("ours / bare engine", OURS, (BARE,), 0.97),
    Goal("ours / naive", OURS, (NAIVE,), 2.0),
    Goal("ours / 2023 (the better batch size)", OURS, WAYS_2023, 1.2),
)


def main() -> int:
    """Calibrate, open the engines and compare; return the exit code."""
    load = load_before()
    job = open_job("BERT Offline: ours against other ways", count=2000)
    samples, graphs = job.samples, job.graphs
    request = EngineSetup(job.model_path, job.work_dir, Grid())
    contest = grid_contest(default_candidates(usable_cores()))
    calibration = calibrate(lambda: registry.make("deepsparse"), request, contest, LENGTHS)
    grid = calibration.grid
    print(f"calibrated in {calibration.elapsed_s:.0f} s: {grid}", file=sys.stderr)
    backend = registry.make("deepsparse")
    backend.open(EngineSetup(job.model_path, job.work_dir, grid))
    ours = ThroughLoadGen("Offline", backend, samples, grid, job.count)
    ours.run(remember=True)
    indices = ours.indices
    largest = dict(zip(grid.lengths, grid.batch_sizes, strict=True))
    calls = []
    for work in split_query(range(len(indices)), indices, samples, grid):
        length = work.length or grid.lengths[-1]
        inputs = samples.batch(work.indices, length)
        calls.append(ready_call(engine_of(backend, largest[length], length), graphs, inputs, largest[length]))
    ways = {
        OURS: lambda: float(ours.run().values["result_samples_per_second"]),
        BARE: bare(calls, grid.streams, len(indices)),
        NAIVE: naive(graphs, samples, indices),
    }
    for name, batch in zip(WAYS_2023, BATCHES_2023, strict=True):
        ways[name] = harness_2023(graphs, samples, indices, batch)
    no_collections()
    comparison = WayComparison("samples/s")
    comparison.run(ways, job.rounds)
    facts = {**job.facts(load), "calibration": encode(calibration)}
    return 0 if report(comparison, GOALS, facts, job.json_path) else 1


if __name__ == "__main__":
    sys.exit(main())
