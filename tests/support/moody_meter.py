"""A simulated machine with moods, to test races: states, slow noise, modes of processes.

Every point of a ladder is on the front of a quiet machine: 8 points whose latencies lie 5 % apart, 81 that lie 2 %
apart. Accuracies are known after one check, so only the probes decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.journal import AccuracyCount, Observation
from mlperf_home.contracts.studies.space import SpaceDocument
from mlperf_home.exploration.definition.space import Space, make_space
from mlperf_home.pareto.front import front

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.exploration.definition.space import Point

LADDERS = {8: 0.05, 81: 0.02}
"""The number of points, and the ratio between the latencies of neighbours less 1."""

_BASE_MS = 10.0
SAMPLES = 1000
"""The size of the dataset: so few that one check covers all."""

_LEAST_PERCENT = 10
_DAY_S = 86_400
_SLOW = math.log(1.3)


@dataclass(frozen=True)
class Noise:
    """A machine's moods, in logarithms of latency.

    Attributes:
        run: the standard deviation of a run, independent of others.
        loud: standard deviations of single points instead.
        outliers: the share of runs that take a half more.
        drift: the increase in an hour, for all points.
        state_s: the mean length of the two states of the machine, 0 without; the slow one takes 30 % more.
        hit: the share of the points that the slow state hits.
        wander: the standard deviation of each point's own slow noise.
        wander_s: the time in which a point's slow noise is forgotten.
        modes: the share of processes that are slow by 30 %.
        modal: the share of the points whose processes have modes.
    """

    run: float = 0.03
    loud: tuple[float, ...] = ()
    outliers: float = 0.0
    drift: float = 0.0
    state_s: float = 0.0
    hit: float = 1.0
    wander: float = 0.0
    wander_s: float = 120.0
    modes: float = 0.0
    modal: float = 1.0


MODELS = {
    "independent, 3 %": Noise(),
    "independent, 10 %": Noise(run=0.1),
    "outliers of 50 % in 5 % of runs": Noise(outliers=0.05),
    "drift of 20 % an hour": Noise(drift=0.2),
    "states of 2 min, all points": Noise(state_s=120),
    "states of 2 min, half of the points": Noise(state_s=120, hit=0.5),
    "states of 10 min, half of the points": Noise(state_s=600, hit=0.5),
    "states of 20 s, half of the points": Noise(state_s=20, hit=0.5),
    "each point wanders, 5 % in 2 min": Noise(run=0.02, wander=0.05),
    "each point wanders, 5 % in 10 min": Noise(run=0.02, wander=0.05, wander_s=600),
    "one loud point, 15 %": Noise(loud=(0.15,)),
    "two loud points, 15 %": Noise(loud=(0.15, 0.15)),
    "modes by process, half slow": Noise(modes=0.5),
    "modes by process, a fifth slow": Noise(modes=0.2),
    "modes by process, half of the points": Noise(modes=0.5, modal=0.5),
}


def ladder(count: int) -> Space:
    """Return a space with one axis of `count` rungs."""
    rungs = tuple(f"r{number:02d}" for number in range(count))
    return make_space(
        SpaceDocument(schema=1, name=f"ladder-{count}", axes={"rung": rungs}, model_axes=("rung",), constraints=()),
        "the ladder",
    )


@dataclass
class MoodyMeter:
    """A machine whose clock runs while it measures and waits.

    `hits` and `modal` have shape (points,); `logs` are the true logarithms of a quiet machine's latency.
    """

    space: Space
    noise: Noise
    step: float
    seed: int
    start_s: float = 1.0
    now_s: float = 0.0
    round_s: float | None = None
    _wanders: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw what belongs to the machine: the points that states hit, and the times of the states."""
        self.random = np.random.default_rng(self.seed)
        count = len(self.space.points)
        self.numbers = {point.name: number for number, point in enumerate(self.space.points)}
        self.logs = math.log(_BASE_MS) + np.arange(count) * math.log1p(self.step)
        self.hits = self._share(self.noise.hit)
        self.modal = self._share(self.noise.modal)
        self.loud = np.full(count, self.noise.run)
        self.loud[self.random.permutation(count)[: len(self.noise.loud)]] = self.noise.loud
        self.changes_s = np.empty(0)
        if self.noise.state_s:
            lengths = self.random.exponential(self.noise.state_s, int(_DAY_S / self.noise.state_s))
            self.changes_s = np.cumsum(lengths)
            self.slow_first = bool(self.random.random() < 0.5)

    def _share(self, share: float) -> NDArray[np.bool_]:
        count = len(self.space.points)
        marks = np.zeros(count, dtype=np.bool_)
        marks[self.random.permutation(count)[: round(share * count)]] = True
        return marks

    @property
    def truth(self) -> NDArray[np.float64]:
        """The mean logarithm of latency over all time, of shape (points,); disturbances common to all are left out."""
        states = self.hits * _SLOW / 2 if self.noise.state_s else 0.0
        return np.asarray(self.logs + states + self.modal * self.noise.modes * _SLOW)

    def fronts(self) -> list[set[str]]:
        """Return the names of the true front: by the mean, by the quiet state, and by the slow one."""
        slow = (
            self.logs + (self.hits * _SLOW if self.noise.state_s else 0.0) + self.modal * (self.noise.modes > 0) * _SLOW
        )
        return [self._front(values) for values in (self.truth, self.logs, slow)]

    def _front(self, values: NDArray[np.float64]) -> set[str]:
        rows = [(value, float(number)) for number, value in enumerate(values)]
        keeps = front(rows, ("min", "max"))
        return {point.name for point, keep in zip(self.space.points, keeps, strict=True) if keep}

    def begin_round(self, spacing_s: float) -> None:
        """Let time pass until the next round begins."""
        if self.round_s is not None:
            self.now_s = max(self.now_s, self.round_s + spacing_s)
        self.round_s = self.now_s

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        """Measure one run."""
        return self._observe(point, seconds)

    def official(self, point: Point) -> Observation:
        """Measure one official run."""
        return self._observe(point, 600.0)

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        """Measure an accuracy exactly, in no time."""
        share = (_LEAST_PERCENT + self.numbers[point.name]) / 100
        return AccuracyCount((last - first) * share, last - first, 0.0)

    def _observe(self, point: Point, seconds: float) -> Observation:
        noise, index, random = self.noise, self.numbers[point.name], self.random
        value = self.logs[index] + random.normal(0, self.loud[index]) + noise.drift * self.now_s / 3600
        if noise.outliers and random.random() < noise.outliers:
            value += math.log(1.5)
        if noise.state_s and self.hits[index]:
            value += _SLOW * self._slow_share(seconds)
        if noise.wander:
            value += self._wander(point.name)
        if noise.modes and self.modal[index] and random.random() < noise.modes:
            value += _SLOW
        self.now_s += seconds + self.start_s
        return Observation({"latency_ms": math.exp(value)}, 1000, seconds + self.start_s)

    def _slow_share(self, seconds: float) -> float:
        """Return the share of the next seconds that the slow state takes."""
        begin, end = self.now_s, self.now_s + seconds
        first, last = np.searchsorted(self.changes_s, [begin, end])
        edges = [begin, *self.changes_s[first:last], end]
        slow = sum(b - a for n, (a, b) in enumerate(pairwise(edges), first) if (n % 2 == 0) == self.slow_first)
        return float(slow / seconds)

    def _wander(self, name: str) -> float:
        """Return a point's slow noise now: an Ornstein-Uhlenbeck process."""
        if name not in self._wanders:
            self._wanders[name] = (self.now_s, float(self.random.normal(0, self.noise.wander)))
        then, value = self._wanders[name]
        kept = math.exp(-(self.now_s - then) / self.noise.wander_s)
        value = kept * value + float(self.random.normal(0, self.noise.wander * math.sqrt(1 - kept**2)))
        self._wanders[name] = (self.now_s, value)
        return value
