"""Beliefs about the models' accuracies: the evidence of samples, and the next samples to check.

Samples are drawn without replacement, so likelihoods are hypergeometric. Ratios of likelihoods are martingales: the
chance that a ratio ever reaches 1/r under its denominator is at most r (Ville). Sources: docs/exploration.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.studies.journal import AccuracyCount
from mlperf_home.contracts.studies.race import ACCURACY_SHARE, Belief
from mlperf_home.exploration.definition.settings import UNKNOWN, measured_belief
from mlperf_home.exploration.racing.dominance import (
    BeliefArrays,
    drop_models,
    front_models,
    width_models,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.studies.race import Settings
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.exploration.racing.dominance import Gaps

    Floats = NDArray[np.float64]

# The greatest chance that a wrong prior passes its check, however few the models are.
_MOST_MISSED = 0.01
_SHIFTS = 4
_LONGEST_STEP = 4
_NOTHING = AccuracyCount(0.0, 0, 0.0)
# The five nodes of Gauss-Hermite quadrature: they represent a normal distribution.
_NODES = np.array([-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266, 2.856970013872806])
_WEIGHTS = np.array([0.011257411327721, 0.222075922005613, 0.533333333333333, 0.222075922005613, 0.011257411327721])
_STEPS = np.linspace(-3, 3, 61)


@dataclass(frozen=True)
class AccuracyCheck:
    """A check of model number `model` on the samples from `first` up to, not including, `last`."""

    model: int
    first: int
    last: int


class Accuracies:
    """Beliefs about the models' accuracies, and the checks that would change the front; models have numbers."""

    def __init__(self, points: Sequence[Point], priors: Mapping[str, Belief], settings: Settings) -> None:
        """Begin with the priors, each in doubt; a model without a prior is measured."""
        names = list(dict.fromkeys(point.model for point in points))
        numbers = {name: number for number, name in enumerate(names)}
        self.model: NDArray[np.int64] = np.array([numbers[point.model] for point in points])
        self._settings, self._samples = settings, settings.protocol.samples
        self._priors = [priors.get(name, UNKNOWN) for name in names]
        missed = min(_MOST_MISSED, settings.risk * ACCURACY_SHARE / (settings.doubted_share * len(names)))
        shifts = np.linspace(settings.doubt_points, settings.doubt_most, _SHIFTS)
        self._doubts = Doubts(tuple(shifts.tolist()), missed, settings.false_alarm, self._samples)
        self._counts = [_NOTHING for _ in names]
        self._beliefs = [revise_belief(prior, _NOTHING, self._doubts) for prior in self._priors]

    @property
    def beliefs(self) -> list[Belief]:
        """The beliefs by point."""
        return [self._beliefs[model] for model in self.model]

    @property
    def belief_arrays(self) -> BeliefArrays:
        """The beliefs by point, as arrays."""
        return BeliefArrays.of(self.model, self.beliefs, [self._extends(model) for model in self.model])

    def inexact(self, model: int) -> bool:
        """Whether a model is not yet measured on the whole dataset."""
        return self._counts[model].count < self._samples

    def left_s(self, alive: NDArray[np.bool_], sample_ms: NDArray[np.float64], *, ended: bool) -> float:
        """Return the time that checks still take if priors are right; `ended`: only those of `full_accuracy` remain."""
        left = 0.0
        for model in np.unique(self.model[alive]).tolist():
            if self._settings.full_accuracy:
                samples = float(self._samples) if self.inexact(model) else 0.0
            else:
                samples = 0.0 if ended else self._samples_left(model)
            left += samples * float(sample_ms[alive & (self.model == model)].min()) / 1000
        return left

    def _samples_left(self, model: int) -> float:
        """Estimate the number of samples that a check still needs to confirm a right prior (Wald)."""
        belief, doubts = self._beliefs[model], self._doubts
        if not self._extends(model):
            return 0.0
        share = min(max(belief.percent / 100, 0.05), 0.95)
        per_sample = (doubts.shifts[0] / 100) ** 2 / (2 * share * (1 - share))
        expected = -math.log(doubts.missed) / per_sample if belief.prior else self._settings.most_measured
        return max(0.0, min(expected, self._samples) - self._counts[model].count)

    def full_check(self, model: int) -> AccuracyCheck:
        """Return the check of a model on the whole dataset, in one run."""
        return AccuracyCheck(model, 0, self._samples)

    def record(self, check: AccuracyCheck, count: AccuracyCount) -> None:
        """Revise a model's belief by the count of a check."""
        if check == self.full_check(check.model):
            # A dataset may score fewer questions than it has samples; the count is complete nevertheless.
            self._beliefs[check.model] = replace(measured_belief(count, self._samples), sd=0.0)
            self._counts[check.model] = replace(count, count=self._samples)
            return
        before = self._counts[check.model]
        total = AccuracyCount(before.correct + count.correct, before.count + count.count, 0.0)
        self._counts[check.model] = total
        self._beliefs[check.model] = revise_belief(self._priors[check.model], total, self._doubts)

    def next_checks(
        self,
        others: Sequence[Gaps],
        open_pairs: NDArray[np.bool_],
        sample_ms: NDArray[np.float64],
        risk: float,
        *,
        fronts: bool,
    ) -> list[AccuracyCheck]:
        """Return the next checks; none if no standing depends on an accuracy, or the limits of samples are reached.

        Args:
            others: the gaps in the other metrics.
            open_pairs: as in a RaceVerdict.
            sample_ms: the time of a sample, of shape (points,).
            risk: the risk of one comparison.
            fronts: include the checks that decide only between front and undecided.
        """
        sure = [metric.sure(risk) | metric.equal for metric in others]
        threats = open_pairs & np.logical_and.reduce(sure)
        beliefs = self.belief_arrays
        models = drop_models(beliefs, threats, risk)
        if not models and fronts:
            models = front_models(beliefs, open_pairs, risk) | width_models(beliefs, threats, risk)
        least_ms = {model: float(sample_ms[self.model == model].min()) for model in models}
        return [self._next(model, least_ms[model]) for model in sorted(models) if self._extends(model)]

    def _extends(self, model: int) -> bool:
        """Whether a model may be checked on more samples."""
        belief, count = self._beliefs[model], self._counts[model].count
        if belief.prior:
            return bool(belief.up or belief.down) and count < self._settings.most_checked
        no_prior = math.isinf(self._priors[model].sd)
        return self.inexact(model) if no_prior else count < min(self._settings.most_measured, self._samples)

    def _next(self, model: int, sample_ms: float) -> AccuracyCheck:
        """Return the next check of a model: a prior takes one step more, a measurement twice the samples.

        Beyond half of the dataset the check covers all of it. Fast samples make a step longer: the start of a run
        must not take most of its time.
        """
        count, step = self._counts[model].count, self._settings.check_samples
        if sample_ms > 0:
            step = max(step, min(_LONGEST_STEP * step, math.ceil(1000 * self._settings.first_probe_s / sample_ms)))
        last = count + step if self._beliefs[model].prior and count else max(2 * step, 2 * count)
        if not self._beliefs[model].prior and not math.isinf(self._priors[model].sd):
            last = min(last, self._settings.most_measured)
        return self.full_check(model) if 2 * last > self._samples else AccuracyCheck(model, count, last)


@dataclass(frozen=True)
class Evidence:
    """Logarithms of likelihood ratios.

    Attributes:
        not_higher: the prior against an accuracy above it, by each of the shifts.
        not_lower: the prior against an accuracy below it, by each of the shifts.
        wrong: an accuracy off by any amount (normal, the first shift its standard deviation) against the prior.
    """

    not_higher: tuple[float, ...]
    not_lower: tuple[float, ...]
    wrong: float


def evidence(percent: float, sd: float, count: AccuracyCount, shifts: Sequence[float], samples: int) -> Evidence:
    """Return the evidence of `count` for and against a prior of `percent`.

    `sd` is the standard deviation of a right prior; `shifts` are the points by which a prior may be off, ascending;
    `samples` is the size of the dataset that the count was drawn from.
    """
    off = np.concatenate(([0.0], shifts, np.negative(shifts), shifts[0] * _STEPS))
    accuracies = percent + off[:, None] + sd * _NODES[None, :]
    good = np.clip(accuracies / 100 * samples, 0, samples)
    bad, missed = samples - good, count.count - count.correct
    possible = (good >= count.correct) & (bad >= missed)
    # Logarithms of the hypergeometric likelihood up to a constant; -inf if it is impossible.
    logs = _log_binomial(np.maximum(good, count.correct), count.correct)
    logs += _log_binomial(np.maximum(bad, missed), missed)
    right, *rest = _log_mean(np.where(possible, logs, -np.inf), _WEIGHTS).tolist()
    many = len(shifts)
    any_shift = float(_log_mean(np.array([rest[2 * many :]]), np.exp(-(_STEPS**2) / 2))[0])
    higher, lower = (tuple(_ratio(right, each) for each in part) for part in (rest[:many], rest[many : 2 * many]))
    return Evidence(higher, lower, _ratio(any_shift, right))


def _log_binomial(total: NDArray[Any], taken: float) -> Floats:
    """Return the logarithm of the binomial coefficient, up to terms without `total`."""
    return np.asarray(_log_gamma(total + 1) - _log_gamma(total - taken + 1))


_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


def _log_mean(logs: Floats, weights: Floats) -> Floats:
    """Return the logarithm of the weighted mean along the last axis, from logarithms."""
    return np.asarray(np.logaddexp.reduce(logs + np.log(weights / weights.sum()), axis=-1))


def _ratio(numerator: float, denominator: float) -> float:
    """Return the logarithm of a ratio from logarithms; 0 if both are impossible, as nothing is known then."""
    return 0.0 if math.isinf(numerator) and math.isinf(denominator) else numerator - denominator


@dataclass(frozen=True)
class Doubts:
    """The extent of doubt in priors.

    Attributes:
        shifts: the points by which a prior may be off, ascending: from the least that a check must find to the most.
        missed: the chance that a prior off by a shift passes its check, on either side.
        false_alarm: the chance that a right prior is ever rejected.
        samples: the size of the whole dataset.
    """

    shifts: tuple[float, ...]
    missed: float
    false_alarm: float
    samples: int


def revise_belief(prior: Belief, count: AccuracyCount, doubts: Doubts) -> Belief:
    """Return the belief after a prior and the count of all samples so far; `count.count` may be 0."""
    if count.count >= doubts.samples or (math.isinf(prior.sd) and count.count):
        return measured_belief(count, doubts.samples)
    if math.isinf(prior.sd):
        return prior
    if not count.count:
        return Belief(prior.percent, prior.sd, prior.source, doubts.shifts[-1], doubts.shifts[-1])
    weight = evidence(prior.percent, prior.sd, count, doubts.shifts, doubts.samples)
    up, down = (_remaining_shift(ratios, doubts) for ratios in (weight.not_higher, weight.not_lower))
    if (up or down) and weight.wrong >= -math.log(doubts.false_alarm):
        return measured_belief(count, doubts.samples)
    check = f"checked on {count.count} samples" + (" (may be too high)" if down else " (may be too low)" if up else "")
    if up and down:
        check = f"not confirmed by {count.count} samples"
    return Belief(prior.percent, prior.sd, f"{prior.source}, {check}", up, down)


def _remaining_shift(ratios: tuple[float, ...], doubts: Doubts) -> float:
    """Return the least shift from which all larger ones are ruled out; 0 if all shifts are."""
    open_places = [place for place, ratio in enumerate(ratios) if ratio < -math.log(doubts.missed)]
    return (*doubts.shifts, doubts.shifts[-1])[open_places[-1] + 1] if open_places else 0.0
