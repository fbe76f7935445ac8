"""Where each point stands, put together from probes, beliefs and verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.answer import Answer, Standing, study_work
from mlperf_home.exploration.definition.settings import sample_ms
from mlperf_home.exploration.racing.dominance import Verdict, probe_bounds
from mlperf_home.pareto.front import front

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.journal import Observation
    from mlperf_home.contracts.race import Belief, Settings
    from mlperf_home.exploration.definition.space import Point

    Bounds = dict[str, tuple[float, float]]


@dataclass
class Field:
    """All points, and what is known of each.

    Attributes:
        points: in the space's order; the other attributes are by a point's place in it.
        settings: the study's.
        beliefs: of accuracy.
        alive: neither dropped nor failed.
        dominator: who dominates a dropped point, or -1.
        failed: why a point could not be measured.
        official: what official runs measured.
        probes: a round each: shape (points, metrics), logarithms turned so that less is better, NaN without a probe.
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
        """-1 for each metric of probes of which more is better, else 1."""
        directions = self.settings.directions
        return np.array([1.0 if directions[name] == "min" else -1.0 for name in self.settings.metrics])

    def means(self) -> NDArray[np.float64]:
        """Shape (points, metrics): geometric means of the probes, NaN without any."""
        table = np.stack(self.probes)
        counts = (~np.isnan(table)).sum(axis=0)
        total = np.nansum(table, axis=0)
        mean = np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0)
        return np.asarray(np.exp(self.signs * mean))

    def samples_ms(self) -> NDArray[np.float64]:
        """Shape (points,): the time that a sample takes; the others' mean where nothing is known of a point."""
        rows = [dict(zip(self.settings.metrics, map(float, row), strict=True)) for row in self.means()]
        times = np.array([sample_ms(row) for row in rows])
        known = ~np.isnan(times)
        return np.where(known, times, times[known].mean() if known.any() else 0.0)

    def answer(self, verdict: Verdict, spent_s: Mapping[str, float], left_s: float, warnings: Sequence[str]) -> Answer:
        """Return the three parts."""
        likely = (self.likely() | verdict.front).tolist()
        rows = zip(self.means().tolist(), likely, self._intervals(), strict=True)
        standings = [self._standing(index, verdict, *row) for index, row in enumerate(rows)]
        exhaustive_s = sum(self.settings.protocol.exhaustive(float(each)) for each in self.samples_ms())
        marks = (self.alive & verdict.front, self.alive & ~verdict.front, ~self.alive)
        kept, undecided, dropped = (tuple(standings[index] for index in np.flatnonzero(each)) for each in marks)
        work = study_work(spent_s, exhaustive_s, left_s)
        return Answer(front=kept, undecided=undecided, dropped=dropped, work=work, warnings=tuple(warnings))

    def likely(self) -> NDArray[np.bool_]:
        """Mark what no other alive point dominates by the values as they are."""
        values = np.column_stack([self.means(), [each.percent for each in self.beliefs]])
        likely = np.zeros(len(values), dtype=np.bool_)
        likely[self.alive] = front(values[self.alive].tolist(), tuple(self.settings.directions.values()))
        return likely

    def _intervals(self) -> list[Bounds]:
        """Return each point's intervals, by metric."""
        table, risk = np.stack(self.probes), self.settings.risk
        found: list[Bounds] = [{} for _ in self.points]
        for place, (name, sign) in enumerate(zip(self.settings.metrics, self.signs, strict=True)):
            bounds = np.sort(np.exp(sign * probe_bounds(table[:, :, place], risk)), axis=0)
            for index in np.flatnonzero(~np.isnan(bounds[0])):
                found[index][name] = (float(bounds[0, index]), float(bounds[1, index]))
        for index, belief in enumerate(self.beliefs):
            if math.isfinite(belief.sd):
                found[index][self.settings.accuracy] = belief.interval(risk)
        return found

    def _standing(self, index: int, verdict: Verdict, means: list[float], likely: bool, intervals: Bounds) -> Standing:
        point, belief, official = self.points[index], self.beliefs[index], self.official.get(index)
        pairs = zip(self.settings.metrics, means, strict=True)
        values = {name: value for name, value in pairs if not math.isnan(value)}
        if math.isfinite(belief.sd):
            values[self.settings.accuracy] = belief.percent
        against: list[int] = []
        if self.dominator[index] >= 0:
            against = [int(self.dominator[index])]
        elif self.alive[index] and not verdict.front[index]:
            against = [int(each) for each in np.flatnonzero(verdict.open_pairs[:, index])]
        return Standing(
            point=point.name,
            model=point.model,
            values=values,
            intervals=intervals,
            accuracy_source=belief.source,
            against=tuple(self.points[each].name for each in against),
            official=dict(official.values) if official else {},
            likely=likely,
            failed=self.failed.get(index, ""),
        )
