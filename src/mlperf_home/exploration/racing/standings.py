"""Standings of points, from probes, beliefs and verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.answer import Answer, Standing, study_work
from mlperf_home.exploration.definition.settings import sample_ms
from mlperf_home.exploration.racing.paired import mean_bounds
from mlperf_home.pareto.front import front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.studies.journal import Observation
    from mlperf_home.contracts.studies.race import Belief, Settings
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.exploration.racing.dominance import RaceVerdict

    Bounds = dict[str, tuple[float, float]]


@dataclass
class Standings:
    """The state of all points in a race.

    Attributes:
        points: in the order of the space; the other attributes are indexed by a point's position there.
        settings: the settings of the study.
        beliefs: each point's belief about its accuracy.
        alive: shape (points,): neither dropped nor failed.
        dominator: shape (points,): the position of the point that dominates a dropped one, or -1.
        failed: the reason for which a point could not be measured.
        official: the observation of a point's official run.
        probes: for each round an array of shape (points, metrics): logarithms, signed so that less is better; NaN
            without a probe.
    """

    points: Sequence[Point]
    settings: Settings
    beliefs: list[Belief]
    alive: NDArray[np.bool_]
    dominator: NDArray[np.int64]
    failed: dict[int, str] = field(default_factory=dict)
    official: dict[int, Observation] = field(default_factory=dict)
    probes: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def signs(self) -> NDArray[np.float64]:
        """Shape (metrics,): -1 for each metric of probes of which more is better, else 1."""
        directions = self.settings.directions
        return np.array([1.0 if directions[name] == "min" else -1.0 for name in self.settings.metrics])

    def means(self) -> NDArray[np.float64]:
        """Return geometric means of the probes, of shape (points, metrics); NaN without probes."""
        table = np.stack(self.probes)
        counts = (~np.isnan(table)).sum(axis=0)
        total = np.nansum(table, axis=0)
        mean = np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0)
        return np.asarray(np.exp(self.signs * mean))

    def samples_ms(self) -> NDArray[np.float64]:
        """Return the time of a sample by point, of shape (points,); a point without probes has the others' mean."""
        rows = [dict(zip(self.settings.metrics, map(float, row), strict=True)) for row in self.means()]
        times = np.array([sample_ms(row) for row in rows])
        known = ~np.isnan(times)
        return np.where(known, times, times[known].mean() if known.any() else 0.0)

    def answer(
        self, verdict: RaceVerdict, spent_s: Mapping[str, float], left_s: float, warnings: Sequence[str]
    ) -> Answer:
        """Return the answer: front, undecided and dropped points, with the work so far."""
        likely = (self.likely() | verdict.front).tolist()
        rows = zip(self.means().tolist(), likely, self._intervals(), strict=True)
        standings = [self._standing(index, verdict, *row) for index, row in enumerate(rows)]
        exhaustive_s = sum(self.settings.protocol.exhaustive(float(each)) for each in self.samples_ms())
        masks = (self.alive & verdict.front, self.alive & ~verdict.front, ~self.alive)
        on_front, undecided, dropped = (tuple(standings[i] for i in np.flatnonzero(mask)) for mask in masks)
        work = study_work(spent_s, exhaustive_s, left_s)
        states = _state_warnings(undecided)
        return Answer(front=on_front, undecided=undecided, dropped=dropped, work=work, warnings=(*warnings, *states))

    def likely(self) -> NDArray[np.bool_]:
        """Mark the alive points that no other one dominates by mean values, ignoring noise."""
        values = np.column_stack([self.means(), [each.percent for each in self.beliefs]])
        likely = np.zeros(len(values), dtype=np.bool_)
        likely[self.alive] = front(values[self.alive].tolist(), tuple(self.settings.directions.values()))
        return likely

    def _intervals(self) -> list[Bounds]:
        """Return each point's intervals, by metric."""
        table, risk = np.stack(self.probes), self.settings.risk
        intervals: list[Bounds] = [{} for _ in self.points]
        for column, (name, sign) in enumerate(zip(self.settings.metrics, self.signs, strict=True)):
            bounds = np.sort(np.exp(sign * mean_bounds(table[:, :, column], risk)), axis=0)
            for index in np.flatnonzero(~np.isnan(bounds[0])):
                intervals[index][name] = (float(bounds[0, index]), float(bounds[1, index]))
        for index, belief in enumerate(self.beliefs):
            if math.isfinite(belief.sd):
                intervals[index][self.settings.accuracy] = belief.interval(risk)
        return intervals

    def _standing(
        self, index: int, verdict: RaceVerdict, means: list[float], likely: bool, intervals: Bounds
    ) -> Standing:
        point, belief, official = self.points[index], self.beliefs[index], self.official.get(index)
        pairs = zip(self.settings.metrics, means, strict=True)
        values = {name: value for name, value in pairs if not math.isnan(value)}
        if math.isfinite(belief.sd):
            values[self.settings.accuracy] = belief.percent
        against: list[int] = []
        changing: list[int] = []
        if self.dominator[index] >= 0:
            against = [int(self.dominator[index])]
        elif self.alive[index] and not verdict.front[index]:
            against = [int(each) for each in np.flatnonzero(verdict.open_pairs[:, index])]
            changing = [each for each in against if verdict.changing[each, index]]
        return Standing(
            point=point.name,
            model=point.model,
            values=values,
            intervals=intervals,
            accuracy_source=belief.source,
            against=tuple(self.points[each].name for each in against),
            changing=tuple(self.points[each].name for each in changing),
            official=dict(official.values) if official else {},
            likely=likely,
            failed=self.failed.get(index, ""),
        )


def _state_warnings(undecided: Sequence[Standing]) -> list[str]:
    """Return the warning that the machine changes state, if a point is undecided because of that."""
    count = sum(bool(each.changing) for each in undecided)
    if not count:
        return []
    points = "1 point is undecided" if count == 1 else f"{count} points are undecided"
    advice = "use one thread, fix the governor, or repeat the study when the machine is quiet, in another experiment"
    return [f"the machine changes state: {points} because of that; {advice} (docs/noise.md)"]
