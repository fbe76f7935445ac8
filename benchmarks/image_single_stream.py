"""Compare SingleStream's 90th percentile of image classifiers under LoadGen with a bare `invoke()` loop's.

Run `python benchmarks/image_single_stream.py [--model F.tflite ...]` with LiteRT, tflite-runtime or both installed. It
exits with 1 if the harness adds more than 3 % or 20 us, whichever is larger. A bare loop that sets an image before each
inference and reads the scores after it is measured too, without a goal. All take turns, round by round. The harness and
the bare loops have separate interpreters with the same configuration.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from image_job import Images, open_engine, read_job
from rounds import Goal, WayComparison, load_before, report
from sample_job import no_collections
from through_loadgen import ThroughLoadGen

from mlperf_home.engines.tflite.library import percentile

if TYPE_CHECKING:
    from image_job import ImageJob, OpenEngine

_OURS, _BARE, _FED = "ours, through LoadGen", "bare invoke()", "bare loop that sets images, reads scores"
_SHARE, _US = 0.03, 20.0
_FEWEST, _MOST = 200, 5000


def main() -> int:
    """Compare each engine with each model; return the exit code."""
    load = load_before()
    job = read_job("SingleStream: ours through LoadGen against a bare invoke() loop")
    images = Images()
    no_collections()
    documents: list[dict[str, Any]] = []
    reached = True
    for engine in job.backends:
        for model in job.models:
            opened = open_engine(engine, model, images, streams=1)
            comparison = _compare(job, opened)
            print(f"\n{engine}, {model.name}, {opened.details['threads_per_stream']} threads")
            bare_us = statistics.median(comparison.figures[_BARE])
            bound = 1 + max(_SHARE, _US / bare_us)
            goals = (Goal(f"ours / bare, at most 3 % or {_US:g} us", _OURS, (_BARE,), bound, at_most=True),)
            reached &= report(comparison, goals, {}, None)
            added = statistics.median(comparison.figures[_OURS]) - bare_us
            print(f"added to the bare invoke(): {added:.1f} us")
            documents.append({"engine": engine, "model": model.name, "figures_us": comparison.figures, "bound": bound})
            opened.backend.close()
    if job.json_path is not None:
        text = json.dumps({"load_before": load, "reached": reached, "runs": documents}, indent=2)
        job.json_path.write_text(text + "\n", encoding="utf-8")
    return 0 if reached else 1


def _compare(job: ImageJob, opened: OpenEngine) -> WayComparison:
    bare, infer_image = opened.bare_calls()
    count = min(_MOST, max(_FEWEST, int(job.seconds * 1e9 / _p90_ns(bare, 50))))
    ours = ThroughLoadGen("SingleStream", opened.backend, opened.samples, opened.grid, count, "resnet")
    comparison = WayComparison("us (90th percentile)")
    ways = {
        _OURS: lambda: ours.run().percentiles_ns["90.00"] / 1e3,
        _BARE: lambda: _p90_ns(bare, count) / 1e3,
        _FED: lambda: _p90_ns(infer_image, count) / 1e3,
    }
    comparison.run(ways, job.rounds)
    return comparison


def _p90_ns(call: Any, count: int) -> int:
    times = []
    for _ in range(count):
        started_ns = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - started_ns)
    return percentile(times)


if __name__ == "__main__":
    sys.exit(main())
