"""What is believed of each model's accuracy, and which samples are looked at next."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.exploration.definition.beliefs import UNKNOWN, Belief, measured
from mlperf_home.exploration.definition.meter import AccuracyCount
from mlperf_home.exploration.racing.checking import Believed, decides_drops, decides_fronts, decides_widths
from mlperf_home.exploration.racing.dominance import Gaps, critical
from mlperf_home.exploration.racing.evidence import Doubts, believed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.exploration.definition.settings import Settings
    from mlperf_home.exploration.definition.space import Point

# However few the models are: of a prior that is wrong, the chance to pass.
_MOST_MISSED = 0.01
_SHIFTS = 4
_LONGEST_STEP = 4
_NOTHING = AccuracyCount(0.0, 0, 0.0)


@dataclass(frozen=True)
class Wanted:
    """Samples from `first` up to, not with, `last` that model number `model` is to be run on."""

    model: int
    first: int
    last: int


class Accuracies:
    """What is believed, and what is to be looked at; a model has a number."""

    def __init__(self, points: Sequence[Point], priors: Mapping[str, Belief], settings: Settings) -> None:
        """Begin with the priors, each in doubt; a model without one is to be measured."""
        names = list(dict.fromkeys(point.model for point in points))
        numbers = {name: number for number, name in enumerate(names)}
        self.model: NDArray[np.int64] = np.array([numbers[point.model] for point in points])
        self._settings, self._samples = settings, settings.protocol.samples
        self._priors = [priors.get(name, UNKNOWN) for name in names]
        missed = min(_MOST_MISSED, settings.risk / (settings.doubted_share * len(names)))
        shifts = np.linspace(settings.doubt_points, settings.doubt_most, _SHIFTS)
        self._doubts = Doubts(tuple(shifts.tolist()), missed, settings.false_alarm, self._samples)
        self._counts = [_NOTHING for _ in names]
        self._beliefs = [believed(prior, _NOTHING, self._doubts) for prior in self._priors]

    @property
    def beliefs(self) -> list[Belief]:
        """By point."""
        return [self._beliefs[model] for model in self.model]

    @property
    def known(self) -> Believed:
        """The same as arrays."""
        return Believed.of(self.model, self.beliefs, [self._extends(model) for model in self.model])

    def inexact(self, model: int) -> bool:
        """Whether a model was not yet measured on the whole dataset."""
        return self._counts[model].count < self._samples

    def left_s(self, alive: NDArray[np.bool_], sample_ms: NDArray[np.float64], *, ended: bool) -> float:
        """Predict how long checks still take, priors being right; `ended`: but for `full_accuracy` they are over."""
        left = 0.0
        for model in np.unique(self.model[alive]).tolist():
            if self._settings.full_accuracy:
                samples = float(self._samples) if self.inexact(model) else 0.0
            else:
                samples = 0.0 if ended else self._samples_left(model)
            left += samples * float(sample_ms[alive & (self.model == model)].min()) / 1000
        return left

    def _samples_left(self, model: int) -> float:
        """Return about how many samples a check would still take to bear out a prior that is right (Wald)."""
        belief, doubts = self._beliefs[model], self._doubts
        if not self._extends(model):
            return 0.0
        share = min(max(belief.percent / 100, 0.05), 0.95)
        each = (doubts.shifts[0] / 100) ** 2 / (2 * share * (1 - share))
        expected = -math.log(doubts.missed) / each if belief.prior else self._settings.most_measured
        return max(0.0, min(expected, self._samples) - self._counts[model].count)

    def whole(self, model: int) -> Wanted:
        """Return the whole dataset as samples to look at, in one run."""
        return Wanted(model, 0, self._samples)

    def take(self, wanted: Wanted, seen: AccuracyCount) -> None:
        """Take in what a model got right."""
        if wanted == self.whole(wanted.model):
            # Of questions, fewer may be scored than the dataset has samples: all there are, all the same.
            self._beliefs[wanted.model] = replace(measured(seen, self._samples), sd=0.0)
            self._counts[wanted.model] = replace(seen, count=self._samples)
            return
        before = self._counts[wanted.model]
        total = AccuracyCount(before.correct + seen.correct, before.count + seen.count, 0.0)
        self._counts[wanted.model] = total
        self._beliefs[wanted.model] = believed(self._priors[wanted.model], total, self._doubts)

    def wanted(
        self,
        others: Sequence[Gaps],
        open_pairs: NDArray[np.bool_],
        sample_ms: NDArray[np.float64],
        risk: float,
        *,
        fronts: bool,
    ) -> list[Wanted]:
        """Return what to look at next; nothing where nothing depends on it, or no more may be looked at.

        Args:
            others: the gaps in the other metrics.
            open_pairs: shape (points, points): the column may yet be dominated by the row.
            sample_ms: shape (points,): the time that a sample takes.
            risk: of one comparison.
            fronts: whether to look also at what decides only whether a point that is kept is of the front.
        """
        sure = [(each.gaps >= critical(risk, each.degrees)) | each.equal for each in others]
        threats = open_pairs & np.logical_and.reduce(sure)
        known = self.known
        models = decides_drops(known, threats, risk)
        if not models and fronts:
            models = decides_fronts(known, open_pairs, risk) | decides_widths(known, threats, risk)
        least_ms = {model: float(sample_ms[self.model == model].min()) for model in models}
        return [self._next(model, least_ms[model]) for model in sorted(models) if self._extends(model)]

    def _extends(self, model: int) -> bool:
        """Whether more samples of a model may be looked at."""
        belief, count = self._beliefs[model], self._counts[model].count
        if belief.prior:
            return bool(belief.up or belief.down) and count < self._settings.most_checked
        no_prior = math.isinf(self._priors[model].sd)
        return self.inexact(model) if no_prior else count < min(self._settings.most_measured, self._samples)

    def _next(self, model: int, sample_ms: float) -> Wanted:
        """A prior is checked step by step; what is measured is doubled. Half of the dataset is nearly all of it.

        Where samples are quick a step is longer, so that it is not mostly the start of a run.
        """
        count, step = self._counts[model].count, self._settings.check_samples
        if sample_ms > 0:
            step = max(step, min(_LONGEST_STEP * step, math.ceil(1000 * self._settings.first_probe_s / sample_ms)))
        last = count + step if self._beliefs[model].prior and count else max(2 * step, 2 * count)
        if not self._beliefs[model].prior and not math.isinf(self._priors[model].sd):
            last = min(last, self._settings.most_measured)
        return self.whole(model) if 2 * last > self._samples else Wanted(model, count, last)
