"""A study: rounds of probes, accuracy checks, official runs of the remaining points; see docs/exploration.md."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.race import Settings
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.meter import JournaledMeter, Meter, PointFailedError, failure_warning
from mlperf_home.exploration.racing.accuracies import Accuracies, AccuracyCheck
from mlperf_home.exploration.racing.dominance import MOST_POINTS, Gaps, RaceVerdict, judge, no_gaps, probe_gaps
from mlperf_home.exploration.racing.standings import Standings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.contracts.studies.answer import Answer
    from mlperf_home.contracts.studies.journal import Observation
    from mlperf_home.contracts.studies.race import Belief
    from mlperf_home.exploration.definition.journal import Journal
    from mlperf_home.exploration.definition.space import Space

    Progress = Callable[[str, int, int], None]


class StudyError(LocatedError):
    """A study has no point left to measure."""


class Study:
    """A race over a space; a journal makes it resumable."""

    def __init__(
        self,
        space: Space,
        meter: Meter,
        priors: Mapping[str, Belief],
        settings: Settings | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Set up a study; nothing is measured yet.

        `priors` are accuracies by model; a model without a prior is measured if the front depends on it. `journal`
        stores observations, and is opened with `study_identity`.

        Raises:
            ValueError: the space has more points than a race can compare.
        """
        if len(space.points) > MOST_POINTS:
            raise ValueError(f"a race compares at most {MOST_POINTS} points, the space has {len(space.points)}")
        self.space, self.settings = space, settings or Settings()
        self._meter = JournaledMeter(meter, journal) if journal else meter
        self.points = space.points
        count = len(self.points)
        self._accuracies = Accuracies(self.points, priors, self.settings)
        beliefs = self._accuracies.beliefs
        alive = np.ones(count, dtype=np.bool_)
        self._standings = Standings(self.points, self.settings, beliefs, alive, np.full(count, -1))
        self._spent_s: dict[str, float] = {"probe": 0.0, "check": 0.0, "official": 0.0}
        self._nominal_s, self._probe_count = 0.0, 0
        self._warnings: list[str] = list(journal.damages) if journal else []
        self._random = np.random.default_rng(self.settings.seed)
        self._comparison_risk = self.settings.comparison_risk(count)
        self._gaps = [no_gaps(count) for _ in self.settings.metrics]
        self._contested: NDArray[np.bool_] = alive.copy()
        self._on_progress: Progress = lambda _activity, _done, _total: None

    def run(self, on_answer: Callable[[Answer], None] = lambda _: None, on_progress: Progress | None = None) -> Answer:
        """Run the study to its end.

        `on_answer` is called after each round and official run; `on_progress` before each measurement, with the
        activity, the number of measurements done, and their total.

        Raises:
            StudyError: every point has failed.
        """
        self._on_progress = on_progress or self._on_progress
        for number in range(self.settings.rounds):
            self._probe_round(number)
            if number + 1 in self.settings.looks:
                self._look(last=number + 1 == self.settings.rounds)
            on_answer(self._answer(self._judge(), number + 1))
            if not self._contested.any():
                break
        return self._finish(on_answer)

    def _look(self, *, last: bool) -> None:
        """Compare the points by all probes so far, check accuracies, and select the points of the next rounds."""
        self._gaps = self._compare_probes()
        self._check_contested(fronts=False)
        self._contest()
        if last or not self._contested.any():
            self._check_contested(fronts=True)
            self._contest()

    def _finish(self, on_answer: Callable[[Answer], None]) -> Answer:
        if self.settings.full_accuracy:
            self._measure_full_accuracies()
            self._drop_dominated()
        while True:
            verdict = self._drop_dominated()
            selected = self._select_official_runs(verdict)
            waiting = [index for index in selected if index not in self._standings.official]
            if not waiting:
                return self._answer(verdict, self.settings.rounds)
            self._on_progress("official runs", len(selected) - len(waiting), len(selected))
            index = waiting[0]
            observation = self._measure(index, "official", partial(self._meter.official, self.points[index]))
            if observation is not None:
                self._standings.official[index] = observation
            on_answer(self._answer(self._judge(), self.settings.rounds))

    def _select_official_runs(self, verdict: RaceVerdict) -> list[int]:
        alive = self._standings.alive
        masks = {"none": np.zeros_like(alive), "front": verdict.front & alive, "kept": alive}
        return [int(index) for index in np.flatnonzero(masks[self.settings.official])]

    def _probe_round(self, number: int) -> None:
        self._meter.begin_round(self.settings.round_spacing_s)
        seconds = self.settings.probe_s(number)
        row = np.full((len(self.points), len(self.settings.metrics)), np.nan)
        order = self._random.permutation(np.flatnonzero(self._contested))
        for place, index in enumerate(order):
            self._on_progress(f"probes of round {number + 1}", place, len(order))
            point = self.points[index]
            observation = self._measure(int(index), "probe", partial(self._meter.probe, point, seconds, number))
            if observation is not None:
                row[index] = [math.log(observation.values[metric]) for metric in self.settings.metrics]
                self._nominal_s, self._probe_count = self._nominal_s + seconds, self._probe_count + 1
        self._standings.probes.append(row * self._standings.signs)

    def _measure(self, index: int, kind: str, measure: Callable[[], Observation]) -> Observation | None:
        try:
            observation = measure()
        except PointFailedError as error:
            self._fail(index, error)
            return None
        for metric in self.settings.metrics:
            value = observation.values.get(metric)
            if value is None or not 0 < value < math.inf:
                raise ValueError(f"{self.points[index].name}: {metric} must be a positive number, got {value}")
        self._spent_s[kind] += observation.cost_s
        return observation

    def _fail(self, index: int, error: PointFailedError) -> None:
        """Leave a point out; the points that it dominated re-enter the race."""
        standings = self._standings
        standings.failed[index] = error.problem
        self._warnings.append(failure_warning(self.points[index].name, error))
        freed = standings.dominator == index
        standings.alive |= freed
        self._contested |= freed
        standings.alive[index] = self._contested[index] = False
        standings.dominator[freed] = standings.dominator[index] = -1
        if not standings.alive.any():
            advice = "correct the cause, and start a new experiment with --experiment_name"
            raise StudyError(self.space.name, f"every point has failed; the last error: {error}", advice)

    def _contest(self) -> None:
        """Select the points that more probes may decide, without those that only an accuracy check can decide."""
        beliefs = self._accuracies.belief_arrays
        open_pairs = self._judge(beliefs.gaps()).open_pairs & self._judge(beliefs.plain_gaps()).open_pairs
        self._contested = open_pairs.any(axis=0) | open_pairs.any(axis=1)

    def _check_contested(self, *, fronts: bool) -> None:
        """Check accuracies while a standing depends on one; drop dominated points after each series of checks."""
        while True:
            self._drop_dominated()
            open_pairs = self._judge().open_pairs
            times, risk = self._standings.samples_ms(), self._comparison_risk
            checks = self._accuracies.next_checks(self._gaps, open_pairs, times, risk, fronts=fronts)
            if not checks:
                return
            for place, check in enumerate(checks):
                self._on_progress("accuracy checks", place, len(checks))
                self._check(check)

    def _measure_full_accuracies(self) -> None:
        """Measure the alive models on the whole dataset, with those that a failure brings back."""
        while True:
            alive = list(dict.fromkeys(int(model) for model in self._accuracies.model[self._standings.alive]))
            waiting = [model for model in alive if self._accuracies.inexact(model)]
            if not waiting:
                return
            self._on_progress("accuracy checks", len(alive) - len(waiting), len(alive))
            self._check(self._accuracies.full_check(waiting[0]))

    def _check(self, check: AccuracyCheck) -> None:
        """Check a model on the fastest of its points; on the next one if that point fails."""
        times = self._standings.samples_ms()
        model = self._accuracies.model
        while len(points := np.flatnonzero(self._standings.alive & (model == check.model))):
            index = int(points[times[points].argmin()])
            try:
                count = self._meter.check(self.points[index], check.first, check.last)
            except PointFailedError as error:
                self._fail(index, error)
                continue
            self._spent_s["check"] += count.cost_s
            self._accuracies.record(check, count)
            self._standings.beliefs = self._accuracies.beliefs
            return

    def _judge(self, accuracy: Gaps | None = None) -> RaceVerdict:
        gaps = [*self._gaps, accuracy or self._accuracies.belief_arrays.gaps()]
        return judge(gaps, self._standings.alive, self._comparison_risk)

    def _compare_probes(self) -> list[Gaps]:
        table = np.stack(self._standings.probes)
        return [probe_gaps(table[:, :, metric], self.settings.least_rounds) for metric in range(table.shape[2])]

    def _drop_dominated(self) -> RaceVerdict:
        """Compare the alive points, and drop the dominated ones; return the verdict."""
        verdict = self._judge()
        dropped = self._standings.alive & (verdict.dominator >= 0)
        self._standings.dominator[dropped] = verdict.dominator[dropped]
        self._standings.alive &= ~dropped
        return verdict

    def _answer(self, verdict: RaceVerdict, done: int) -> Answer:
        return self._standings.answer(verdict, self._spent_s, self._left_s(verdict, done), self._warnings)

    def _left_s(self, verdict: RaceVerdict, done: int) -> float:
        """Return the time that is left at most: rounds of contested points, checks, official runs of a likely front."""
        starting = (self._spent_s["probe"] - self._nominal_s) / max(1, self._probe_count)
        contested = int(self._contested.sum())
        rounds = (contested * (self.settings.probe_s(each) + starting) for each in range(done, self.settings.rounds))
        # A round waits until its spacing has passed, unless nothing is left to probe.
        probing = sum(max(each, self.settings.round_spacing_s) for each in rounds) if contested else 0.0
        ended = done >= self.settings.rounds or not self._contested.any()
        likely = verdict if ended else replace(verdict, front=verdict.front | self._standings.likely())
        waiting = [index for index in self._select_official_runs(likely) if index not in self._standings.official]
        sample_ms = self._standings.samples_ms()
        official = sum(self.settings.protocol.official(float(sample_ms[index])) for index in waiting)
        checks = self._accuracies.left_s(self._standings.alive, sample_ms, ended=ended)
        return probing + official + checks
