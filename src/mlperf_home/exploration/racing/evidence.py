"""What samples make of a belief in an accuracy: how far they speak for a prior, against it, and against its being off.

Samples are drawn without replacement, so likelihoods are hypergeometric; ratios of likelihoods are martingales, and the
chance that one ever reaches 1/r under its denominator is at most r (Ville). Sources: docs/exploration.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.exploration.definition.beliefs import Belief, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.exploration.definition.meter import AccuracyCount

    Floats = NDArray[np.float64]

# Gauss and Hermite's five nodes: they stand for a normal distribution.
_NODES = np.array([-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266, 2.856970013872806])
_WEIGHTS = np.array([0.011257411327721, 0.222075922005613, 0.533333333333333, 0.222075922005613, 0.011257411327721])
_STEPS = np.linspace(-3, 3, 61)


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
    """Weigh `count`, drawn from a dataset of so many samples, for and against a prior.

    Args:
        percent: the prior's value.
        sd: its standard deviation where it is right.
        count: what was seen.
        shifts: by how many points the prior may be off, ascending.
        samples: of the whole dataset.
    """
    off = np.concatenate(([0.0], shifts, np.negative(shifts), shifts[0] * _STEPS))
    accuracies = percent + off[:, None] + sd * _NODES[None, :]
    right, *rest = _log_mean(_log_likelihood(accuracies, count, samples), _WEIGHTS).tolist()
    many = len(shifts)
    any_shift = float(_log_mean(np.array([rest[2 * many :]]), np.exp(-(_STEPS**2) / 2))[0])
    higher, lower = (tuple(_ratio(right, each) for each in part) for part in (rest[:many], rest[many : 2 * many]))
    return Evidence(higher, lower, _ratio(any_shift, right))


def _log_likelihood(accuracies: Floats, count: AccuracyCount, samples: int) -> Floats:
    """Return the hypergeometric likelihood of each accuracy but for a constant; -inf where it is impossible."""
    right = np.clip(accuracies / 100 * samples, 0, samples)
    wrong, missed = samples - right, count.count - count.correct
    possible = (right >= count.correct) & (wrong >= missed)
    right, wrong = np.maximum(right, count.correct), np.maximum(wrong, missed)
    found = _ways(right, count.correct) + _ways(wrong, missed)
    return np.where(possible, found, -np.inf)


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
    left = 0.0
    for shift, evidence_for in zip(doubts.shifts, against, strict=True):
        if evidence_for < -math.log(doubts.missed):
            later = [each for each in doubts.shifts if each > shift]
            left = later[0] if later else shift
    return left
