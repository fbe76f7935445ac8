"""Compare Offline of image classifiers on all cores with the sum of the rates of each core alone.

Run `python benchmarks/image_offline.py [--model F.tflite ...]`; it exits with 1 below 0.97 of that sum. "Alone" is a
bare loop that sets images and reads scores, pinned to one core while the others idle. Bare loops on all cores at once,
as threads and as processes, show the machine's own loss when all cores work.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from image_job import Images, open_engine, read_job
from rounds import Goal, WayComparison, load_before, report
from sample_job import no_collections
from through_loadgen import ThroughLoadGen

if TYPE_CHECKING:
    from collections.abc import Callable

    from image_job import ImageJob, OpenEngine

_OURS, _ALONE = "ours, through LoadGen", "sum of cores, each alone"
_THREADS, _PROCESSES = "bare loops at once, threads", "bare loops at once, processes"
_GOALS = (
    Goal("ours / sum of the cores alone", _OURS, (_ALONE,), 0.97),
    Goal("ours / bare loops at once (the better)", _OURS, (_THREADS, _PROCESSES), 0.97),
    Goal("threads at once / processes at once", _THREADS, (_PROCESSES,), 0.97),
)


def main() -> int:
    """Compare each engine with each model; return the exit code."""
    load = load_before()
    job = read_job("Offline: ours on all cores against the sum of the cores alone", rounds=12)
    images = Images()
    no_collections()
    reached, documents = True, []
    for engine in job.backends:
        for model in job.models:
            opened = open_engine(engine, model, images, streams=len(os.sched_getaffinity(0)))
            comparison = _compare(job, opened)
            print(f"\n{engine}, {model.name}")
            reached &= report(comparison, _GOALS, {}, None)
            documents.append({"engine": engine, "model": model.name, "figures_per_s": comparison.figures})
            opened.backend.close()
    if job.json_path is not None:
        text = json.dumps({"load_before": load, "reached": reached, "runs": documents}, indent=2)
        job.json_path.write_text(text + "\n", encoding="utf-8")
    return 0 if reached else 1


def _compare(job: ImageJob, opened: OpenEngine) -> WayComparison:
    cores = sorted(os.sched_getaffinity(0))
    calls = {core: opened.bare_calls()[1] for core in cores}
    started = time.perf_counter()
    for _ in range(20):
        calls[cores[0]]()
    count = max(400, int(job.seconds * len(cores) * 20 / (time.perf_counter() - started)))
    ours = ThroughLoadGen("Offline", opened.backend, opened.samples, opened.grid, count, "resnet")
    comparison = WayComparison("images/s")
    ways: dict[str, Callable[[], float]] = {
        _OURS: lambda: float(ours.run().values["result_samples_per_second"]),
        _ALONE: lambda: sum(_threads({core: calls[core]}, job.seconds) for core in cores),
        _THREADS: lambda: _threads(calls, job.seconds),
        _PROCESSES: lambda: _processes(calls, job.seconds),
    }
    comparison.run(ways, job.rounds)
    return comparison


def _loop(core: int, call: Callable[[], object], seconds: float, put_rate: Callable[[float], Any]) -> None:
    os.sched_setaffinity(0, {core})
    done, started = 0, time.perf_counter()
    while (now := time.perf_counter()) < started + seconds:
        call()
        done += 1
    put_rate(done / (now - started))


def _threads(calls: dict[int, Callable[[], object]], seconds: float) -> float:
    rates: list[float] = []
    threads = [threading.Thread(target=_loop, args=(core, call, seconds, rates.append)) for core, call in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _processes(calls: dict[int, Callable[[], object]], seconds: float) -> float:
    # A fork inherits the interpreters, which have no threads besides the caller.
    kind = multiprocessing.get_context("fork")
    queue = kind.SimpleQueue()
    children = [kind.Process(target=_loop, args=(core, call, seconds, queue.put)) for core, call in calls.items()]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return sum(float(queue.get()) for _ in children)


if __name__ == "__main__":
    sys.exit(main())
