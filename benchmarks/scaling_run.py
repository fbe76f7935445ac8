"""Measure one way of `scaling.py` in a process of its own: read the order as JSON, print the figures as JSON."""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlperf_home.datasets.base import Samples
    from mlperf_home.harness.queries.parts import SutParts

_FIRST_S, _FEWEST = 0.3, 8
_BERT_LENGTHS = (128, 192, 256, 384)
_BERT_BATCH = 4


def main() -> int:
    """Keep to the CPUs of the order before any engine is imported, then measure."""
    order = json.loads(sys.stdin.read())
    os.sched_setaffinity(0, order["cpus"])
    print(json.dumps(_measure(order)))
    return 0


def _measure(order: dict[str, Any]) -> dict[str, Any]:
    from through_loadgen import ThroughLoadGen  # noqa: PLC0415 - imports read the CPUs of the process

    from mlperf_home.contracts.runs.grids import Grid  # noqa: PLC0415
    from mlperf_home.engines import registry  # noqa: PLC0415
    from mlperf_home.engines.base import EngineSetup  # noqa: PLC0415
    from mlperf_home.harness.queries.sut import make_sut  # noqa: PLC0415

    questions, streams = order["benchmark"] == "bert-99", order["streams"]
    grid = Grid(_BERT_LENGTHS, (_BERT_BATCH,) * len(_BERT_LENGTHS), streams) if questions else Grid((), (1,), streams)
    places = tuple(frozenset(each) for each in order["places"])
    options = {} if order["engine"] == "deepsparse" else {"threads": order["threads"]}
    backend, samples = registry.make(order["engine"]), _samples(order)
    setup = EngineSetup(Path(order["model"]), Path(order["work"]), grid, options=options, places=places)
    description = backend.open(setup)
    samples.adapt(description.details)
    gc.disable()

    def made(scenario: str, parts: SutParts) -> Any:
        return make_sut(scenario, replace(parts, places=places))

    def rate(count: int) -> float:
        run = ThroughLoadGen("Offline", backend, samples, grid, count, order["benchmark"]).run(make=made)
        return float(run.values["result_samples_per_second"])

    # The first runs warm up, and tell how many samples the wanted time takes.
    count = max(_FEWEST, 2 * streams)
    per_s = rate(count)
    per_s = rate(max(count, int(per_s * _FIRST_S)))
    figure = rate(max(count, int(per_s * order["seconds"])))
    return {"samples_per_second": figure, "engine": description.engine, "version": description.version}


def _samples(order: dict[str, Any]) -> Samples:
    from mlperf_home.datasets.imagenet.samples import ImagenetSamples  # noqa: PLC0415
    from mlperf_home.datasets.squad.samples import SquadSamples  # noqa: PLC0415

    kind = SquadSamples if order["benchmark"] == "bert-99" else ImagenetSamples
    return kind(Path(order["dataset"]))


if __name__ == "__main__":
    sys.exit(main())
