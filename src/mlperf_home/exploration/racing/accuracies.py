"""What is believed of each model's accuracy, what samples make of it, and which are looked at next.

Samples are drawn without replacement, so likelihoods are hypergeometric; ratios of likelihoods are martingales, and the
chance that one ever reaches 1/r under its denominator is at most r (Ville). Sources: docs/exploration.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.journal import AccuracyCount
from mlperf_home.contracts.race import Belief
from mlperf_home.exploration.definition.settings import UNKNOWN, measured
from mlperf_home.exploration.racing.dominance import Believed, critical, decides_drops, decides_fronts, decides_widths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.race import Settings
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.exploration.racing.dominance import Gaps

    Floats = NDArray[np.float64]

# However few the models are: of a prior that is wrong, the chance to pass.
_MOST_MISSED = 0.01
_SHIFTS = 4
_LONGEST_STEP = 4
_NOTHING = AccuracyCount(0.0, 0, 0.0)
# Gauss and Hermite's five nodes: they stand for a normal distribution.
_NODES = np.array([-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266, 2.856970013872806])
_WEIGHTS = np.array([0.011257411327721, 0.222075922005613, 0.533333333333333, 0.222075922005613, 0.011257411327721])
_STEPS = np.linspace(-3, 3, 61)


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

        `others` are the gaps in the other metrics; `open_pairs` are as in a Verdict; `sample_ms`, shape (points,), is
        the time that a sample takes; `fronts`: also at what decides only whether a point that is kept is of the front.
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


@dataclass(frozen=True)
class Evidence:
    """Logarithms of likelihood ratios.

    Attributes:
        not_higher: for the prior, against a truth above it, by each of the shifts.
        not_lower: for the prior, against a truth below it, by each of the shifts.
        wrong: for a truth that is off by any amount (normal, with the first shift as standard deviation), against it.
    """

    not_higher: tuple[float, ...]
    not_lower: tuple[float, ...]
    wrong: float


def evidence(percent: float, sd: float, count: AccuracyCount, shifts: Sequence[float], samples: int) -> Evidence:
    """Weigh `count`, drawn from a dataset of so many samples, for and against a prior of `percent`.

    `sd` is its standard deviation where it is right; `shifts` are by how many points it may be off, ascending.
    """
    off = np.concatenate(([0.0], shifts, np.negative(shifts), shifts[0] * _STEPS))
    accuracies = percent + off[:, None] + sd * _NODES[None, :]
    good = np.clip(accuracies / 100 * samples, 0, samples)
    bad, missed = samples - good, count.count - count.correct
    possible = (good >= count.correct) & (bad >= missed)
    # Logarithms of the hypergeometric likelihood but for a constant; -inf where it is impossible.
    found = _ways(np.maximum(good, count.correct), count.correct) + _ways(np.maximum(bad, missed), missed)
    right, *rest = _log_mean(np.where(possible, found, -np.inf), _WEIGHTS).tolist()
    many = len(shifts)
    any_shift = float(_log_mean(np.array([rest[2 * many :]]), np.exp(-(_STEPS**2) / 2))[0])
    higher, lower = (tuple(_ratio(right, each) for each in part) for part in (rest[:many], rest[many : 2 * many]))
    return Evidence(higher, lower, _ratio(any_shift, right))


def _ways(total: NDArray[Any], taken: float) -> Floats:
    """Logarithm of the binomial coefficient, but for what does not depend on `total`."""
    return np.asarray(_log_gamma(total + 1) - _log_gamma(total - taken + 1))


_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


def _log_mean(logs: Floats, weights: Floats) -> Floats:
    """Weighted mean along the last axis, of logarithms."""
    return np.asarray(np.logaddexp.reduce(logs + np.log(weights / weights.sum()), axis=-1))


def _ratio(one: float, other: float) -> float:
    """Both impossible: nothing is known."""
    return 0.0 if math.isinf(one) and math.isinf(other) else one - other


@dataclass(frozen=True)
class Doubts:
    """How far priors are doubted.

    Attributes:
        shifts: by how many points a prior may be off, ascending: from what a check has to find to the most.
        missed: the chance that a prior which is so wrong passes its check, on either side.
        false_alarm: the chance that a right one is given up, whenever one looks.
        samples: of the whole dataset.
    """

    shifts: tuple[float, ...]
    missed: float
    false_alarm: float
    samples: int


def believed(prior: Belief, count: AccuracyCount, doubts: Doubts) -> Belief:
    """Return what a prior and all samples seen so far make one believe; `count.count` may be 0."""
    if count.count >= doubts.samples or (math.isinf(prior.sd) and count.count):
        return measured(count, doubts.samples)
    if math.isinf(prior.sd):
        return prior
    if not count.count:
        return Belief(prior.percent, prior.sd, prior.source, doubts.shifts[-1], doubts.shifts[-1])
    found = evidence(prior.percent, prior.sd, count, doubts.shifts, doubts.samples)
    up, down = (_left(against, doubts) for against in (found.not_higher, found.not_lower))
    if (up or down) and found.wrong >= -math.log(doubts.false_alarm):
        return measured(count, doubts.samples)
    said = f"checked on {count.count} samples" + (" (may be too high)" if down else " (may be too low)" if up else "")
    if up and down:
        said = f"{count.count} samples do not tell whether it is right"
    return Belief(prior.percent, prior.sd, f"{prior.source}, {said}", up, down)


def _left(against: tuple[float, ...], doubts: Doubts) -> float:
    """Return the least shift from which on all are ruled out; 0 where none is left that has to be found."""
    open_places = [place for place, each in enumerate(against) if each < -math.log(doubts.missed)]
    return (*doubts.shifts, doubts.shifts[-1])[open_places[-1] + 1] if open_places else 0.0
