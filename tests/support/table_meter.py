"""A meter that replays a table of latencies and accuracies with noise, to test searches."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.journal import AccuracyCount, Observation
from mlperf_home.contracts.studies.race import IMAGENET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlperf_home.exploration.definition.space import Point

_LEAST_QUERIES = 8


@dataclass
class TableMeter:
    """Measures from a table; except for drift, equal calls return equal values.

    Attributes:
        latencies_ms: true latency by point.
        accuracies: true top-1 in percent by model.
        run_noise: standard deviation of the logarithm of a run's latency, at any length of the run.
        query_noise: standard deviation of the logarithm of one query's latency within a run.
        drift: the increase of the logarithm of all latencies in each hour of the replayed time.
        start_s: the time that starting a run takes.
        seed: the seed of the noise.
    """

    latencies_ms: Mapping[str, float]
    accuracies: Mapping[str, float]
    run_noise: float
    query_noise: float = 0.05
    drift: float = 0.0
    start_s: float = 1.0
    seed: int = 0
    now_s: float = 0.0
    round_s: float | None = None
    _orders: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def begin_round(self, spacing_s: float) -> None:
        """Let time pass until the next round begins."""
        if self.round_s is not None:
            self.now_s = max(self.now_s, self.round_s + spacing_s)
        self.round_s = self.now_s

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Replay a short run."""
        latency_s = self.latencies_ms[point.name] / 1000
        queries = max(_LEAST_QUERIES, math.ceil(seconds / latency_s))
        return self._observation(point, queries, queries * latency_s, number)

    def official(self, point: Point) -> Observation:
        """Replay an official run."""
        latency_ms = self.latencies_ms[point.name]
        duration_s = IMAGENET.official(latency_ms)
        return self._observation(point, math.ceil(duration_s * 1000 / latency_ms), duration_s, -1)

    def _observation(self, point: Point, queries: int, duration_s: float, number: int) -> Observation:
        sd = math.hypot(self.run_noise, self.query_noise / math.sqrt(queries))
        noise = sd * self._random(point.name, number).standard_normal() + self.drift * self.now_s / 3600
        cost_s = duration_s + self.start_s
        self.now_s += cost_s
        return Observation({"latency_ms": self.latencies_ms[point.name] * math.exp(noise)}, queries, cost_s)

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Replay the classification of some images, drawn without replacement from the 50,000."""
        right = round(self.accuracies[point.model] * IMAGENET.samples / 100)
        if point.model not in self._orders:
            random = self._random(f"accuracy of {point.model}", 0)
            self._orders[point.model] = random.permutation(IMAGENET.samples)
        # The images have one order, so a later check covers later images.
        places = self._orders[point.model][first:last]
        cost_s = len(places) * self.latencies_ms[point.name] / 1000 + self.start_s
        self.now_s += cost_s
        return AccuracyCount(int((places < right).sum()), len(places), cost_s)

    def _random(self, name: str, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode()), number + 1])
