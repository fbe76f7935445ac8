"""A study: rounds of probes, checks of accuracy, official runs of what is left; see docs/exploration.md."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.race import Settings
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.meter import JournaledMeter, Meter, PointFailedError, left_out
from mlperf_home.exploration.racing.accuracies import Accuracies, Wanted
from mlperf_home.exploration.racing.dominance import MOST_POINTS, Gaps, Verdict, judge, probe_gaps
from mlperf_home.exploration.racing.standings import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.contracts.answer import Answer
    from mlperf_home.contracts.journal import Observation
    from mlperf_home.contracts.race import Belief
    from mlperf_home.exploration.definition.journal import Journal
    from mlperf_home.exploration.definition.space import Space

    Doing = Callable[[str, int, int], None]


class StudyError(LocatedError):
    """A study has nothing left to measure."""


class Study:
    """A race over a space; with a journal it goes on where it was."""

    def __init__(
        self,
        space: Space,
        meter: Meter,
        priors: Mapping[str, Belief],
        settings: Settings | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Set a study up; nothing is measured yet.

        `priors` are accuracies by model; a model without one is measured on the whole dataset if it matters. `journal`
        keeps observations, and is made with `study_identity`.

        Raises:
            ValueError: more points than a race can compare.
        """
        if len(space.points) > MOST_POINTS:
            raise ValueError(f"a race compares at most {MOST_POINTS} points, the space has {len(space.points)}")
        self.space, self.settings = space, settings or Settings()
        self._meter = JournaledMeter(meter, journal) if journal else meter
        self.points = space.points
        count = len(self.points)
        self._accuracies = Accuracies(self.points, priors, self.settings)
        beliefs = self._accuracies.beliefs
        self._field = Field(self.points, self.settings, beliefs, np.ones(count, dtype=np.bool_), np.full(count, -1))
        self._spent_s: dict[str, float] = {"probe": 0.0, "check": 0.0, "official": 0.0}
        self._nominal_s, self._probe_count = 0.0, 0
        self._warnings: list[str] = list(journal.damages) if journal else []
        self._random = np.random.default_rng(self.settings.seed)
        self._comparison_risk = self.settings.risk / (count * (self.settings.rounds + 2))
        self._contested: NDArray[np.bool_] = self._field.alive.copy()
        self._doing: Doing = lambda _what, _done, _of: None

    def run(self, told: Callable[[Answer], None] = lambda _: None, doing: Doing | None = None) -> Answer:
        """Run to the end; `told` hears of each round and official run, `doing` what is measured next, of how many.

        Raises:
            StudyError: every point has failed.
        """
        self._doing = doing or self._doing
        for number in range(self.settings.rounds):
            self._probe_round(number)
            if number + 1 >= self.settings.check_after:
                self._check_contested(fronts=False)
                self._contest()
                if not self._contested.any() or number + 1 == self.settings.rounds:
                    self._check_contested(fronts=True)
                    self._contest()
            told(self._answer(self._dropped(), number + 1))
            if not self._contested.any():
                break
        return self._finish(told)

    def _finish(self, told: Callable[[Answer], None]) -> Answer:
        if self.settings.full_accuracy:
            self._measure_kept()
            self._dropped()
        while True:
            verdict = self._dropped()
            wanted = self._for_official_runs(verdict)
            waiting = [index for index in wanted if index not in self._field.official]
            if not waiting:
                return self._answer(verdict, self.settings.rounds)
            self._doing("official runs", len(wanted) - len(waiting), len(wanted))
            index = waiting[0]
            observed = self._observed(index, "official", partial(self._meter.official, self.points[index]))
            if observed is not None:
                self._field.official[index] = observed
            told(self._answer(self._judged(), self.settings.rounds))

    def _for_official_runs(self, verdict: Verdict) -> list[int]:
        alive = self._field.alive
        chosen = {"none": np.zeros_like(alive), "front": verdict.front & alive, "kept": alive}
        return [int(index) for index in np.flatnonzero(chosen[self.settings.official])]

    def _probe_round(self, number: int) -> None:
        seconds = self.settings.probe_s(number)
        row = np.full((len(self.points), len(self.settings.metrics)), np.nan)
        order = self._random.permutation(np.flatnonzero(self._contested))
        for place, index in enumerate(order):
            self._doing(f"probes of round {number + 1}", place, len(order))
            point = self.points[index]
            observed = self._observed(int(index), "probe", partial(self._meter.probe, point, seconds, number))
            if observed is not None:
                row[index] = [math.log(observed.values[metric]) for metric in self.settings.metrics]
                self._nominal_s, self._probe_count = self._nominal_s + seconds, self._probe_count + 1
        self._field.probes.append(row * self._field.signs)

    def _observed(self, index: int, kind: str, measure: Callable[[], Observation]) -> Observation | None:
        try:
            observed = measure()
        except PointFailedError as error:
            self._fail(index, error)
            return None
        for metric in self.settings.metrics:
            value = observed.values.get(metric)
            if value is None or not 0 < value < math.inf:
                raise ValueError(f"{self.points[index].name}: {metric} must be a positive number, got {value}")
        self._spent_s[kind] += observed.cost_s
        return observed

    def _fail(self, index: int, error: PointFailedError) -> None:
        """Leave a point out; what only it dominated is in the race again."""
        field = self._field
        field.failed[index] = error.problem
        self._warnings.append(left_out(self.points[index].name, error))
        freed = field.dominator == index
        field.alive |= freed
        self._contested |= freed
        field.alive[index] = self._contested[index] = False
        field.dominator[freed] = field.dominator[index] = -1
        if not field.alive.any():
            advice = "see to what is wrong with it, and give a new experiment a name: --experiment_name"
            raise StudyError(self.space.name, f"every point has failed, the last so: {error}", advice)

    def _contest(self) -> None:
        """Probe on only what more probes may decide: not what waits for a check alone."""
        known = self._accuracies.known
        open_pairs = self._judged(known.gaps()).open_pairs & self._judged(known.plain_gaps()).open_pairs
        self._contested = open_pairs.any(axis=0) | open_pairs.any(axis=1)

    def _check_contested(self, *, fronts: bool) -> None:
        """Check accuracies for as long as a place depends on it, dropping what is found to be dominated."""
        while True:
            self._dropped()
            open_pairs = self._judged().open_pairs
            times, risk = self._field.samples_ms(), self._comparison_risk
            wanted = self._accuracies.wanted(self._probe_gaps(), open_pairs, times, risk, fronts=fronts)
            if not wanted:
                return
            for place, each in enumerate(wanted):
                self._doing("accuracy checks", place, len(wanted))
                self._check(each)

    def _measure_kept(self) -> None:
        """Measure what is kept on the whole dataset; what a failure frees comes too."""
        while True:
            alive = list(dict.fromkeys(int(each) for each in self._accuracies.model[self._field.alive]))
            waiting = [model for model in alive if self._accuracies.inexact(model)]
            if not waiting:
                return
            self._doing("accuracy checks", len(alive) - len(waiting), len(alive))
            self._check(self._accuracies.whole(waiting[0]))

    def _check(self, wanted: Wanted) -> None:
        """Check a model by the fastest of its points; another one if that fails."""
        times = self._field.samples_ms()
        model = self._accuracies.model
        while len(having := np.flatnonzero(self._field.alive & (model == wanted.model))):
            index = int(having[times[having].argmin()])
            try:
                count = self._meter.check(self.points[index], wanted.first, wanted.last)
            except PointFailedError as error:
                self._fail(index, error)
                continue
            self._spent_s["check"] += count.cost_s
            self._accuracies.take(wanted, count)
            self._field.beliefs = self._accuracies.beliefs
            return

    def _judged(self, accuracy: Gaps | None = None) -> Verdict:
        gaps = [*self._probe_gaps(), accuracy or self._accuracies.known.gaps()]
        return judge(gaps, self._field.alive, self._comparison_risk)

    def _probe_gaps(self) -> list[Gaps]:
        table = np.stack(self._field.probes)
        return [probe_gaps(table[:, :, place]) for place in range(table.shape[2])]

    def _dropped(self) -> Verdict:
        """Judge, and drop what is found to be dominated."""
        verdict = self._judged()
        gone = self._field.alive & (verdict.dominator >= 0)
        self._field.dominator[gone] = verdict.dominator[gone]
        self._field.alive &= ~gone
        return verdict

    def _answer(self, verdict: Verdict, done: int) -> Answer:
        return self._field.answer(verdict, self._spent_s, self._left_s(verdict, done), self._warnings)

    def _left_s(self, verdict: Verdict, done: int) -> float:
        """Predict what is left: rounds of what is contested, checks, official runs of what looks like the front."""
        starting = (self._spent_s["probe"] - self._nominal_s) / max(1, self._probe_count)
        rounds = sum(self.settings.probe_s(number) + starting for number in range(done, self.settings.rounds))
        ended = done >= self.settings.rounds or not self._contested.any()
        looks = verdict if ended else replace(verdict, front=verdict.front | self._field.likely())
        waiting = [index for index in self._for_official_runs(looks) if index not in self._field.official]
        sample_ms = self._field.samples_ms()
        official = sum(self.settings.protocol.official(float(sample_ms[index])) for index in waiting)
        checks = self._accuracies.left_s(self._field.alive, sample_ms, ended=ended)
        return rounds * int(self._contested.sum()) + official + checks
