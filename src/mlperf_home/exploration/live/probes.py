"""Rounds of probes for a prediction: all points in random order in each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.studies.events import StudyDoing
from mlperf_home.exploration.definition.meter import PointFailedError, failure_warning
from mlperf_home.prediction.estimate import MeasuredLatency, measured_latency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.exploration.definition.meter import Meter
    from mlperf_home.exploration.definition.space import Point


class Probes(NamedTuple):
    """The latency of each model on the fastest of its points, the failures, and the seconds spent."""

    measured: Mapping[str, MeasuredLatency]
    warnings: Sequence[str]
    spent_s: float


def probe_points(points: Sequence[Point], meter: Meter, rounds: int, probe_s: float, seed: int) -> Probes:
    """Probe points in `rounds` rounds of `probe_s` seconds each; a point that fails is left out and named."""
    latencies: dict[str, list[float]] = {point.name: [] for point in points}
    warnings, spent_s = list[str](), 0.0
    random = np.random.default_rng(seed)
    for number in range(rounds):
        meter.begin_round(0.0)
        for place, index in enumerate(random.permutation(len(points)).tolist()):
            point = points[index]
            print_line(StudyDoing(what="probes", done=number * len(points) + place, of=rounds * len(points)))
            if point.name not in latencies:
                continue  # it has failed
            try:
                observation = meter.probe(point, probe_s, number)
            except PointFailedError as error:
                warnings.append(failure_warning(point.name, error))
                del latencies[point.name]
                continue
            latencies[point.name].append(observation.values["latency_ms"])
            spent_s += observation.cost_s
    measured: dict[str, MeasuredLatency] = {}
    for point in points:
        if point.name in latencies:
            found = measured_latency(latencies[point.name])
            fastest = measured.setdefault(point.model, found)
            measured[point.model] = min(found, fastest)
    return Probes(measured, warnings, spent_s)
