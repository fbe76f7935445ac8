"""Paired comparisons of probes: differences by round, with their variance, autocorrelation and states.

Machines have states that last from seconds to hours, so the probes of two rounds are not independent. The variance of a
pair's mean difference is its own, with little weight on that of the other pairs, and grows with the autocorrelation of
the rounds. A pair whose differences fall into two groups changes with the machine's state. docs/exploration.md has the
methods with their sources, docs/noise.md the noise that they withstand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

from mlperf_home.contracts.studies.race import FEWEST_ROUNDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

PRIOR_DEGREES = 4.0
"""The weight of the variance of all pairs against a pair's own, in degrees of freedom."""

FAR = 2.0
"""No known state of a machine slows one point down by this factor, and not the other.

So a pair that lies as far apart needs only FEWEST_ROUNDS rounds in common.
"""

# Of normal differences, the best split in two explains this much in one pair of twenty, by simulation: pairs beyond it
# have states. A state of 30 % beside runs that are off by 3 % explains nine tenths.
_STATE_SHARE, _STATE_SHARE_FEW = 0.70, 1.5
_LEAST_GROUP = 2  # one odd round is an outlier, not a state
_MOST_CORRELATION = 0.9
_OWN_WEIGHT = 20.0  # the rounds at which a pair's own autocorrelation counts as much as that of all pairs
_LEAST_SD = 1e-6
_BLOCK_VALUES = 4_000_000
_DEGREE_STEP = 0.25


@dataclass(frozen=True)
class PairComparison:
    """The comparison of all pairs of points, each of shape (points, points).

    Attributes:
        gaps: the mean difference in standard errors; > 0 if the row is better; 0 with too few common rounds.
        degrees: the degrees of freedom of the standard errors.
        changing: the differences fall into two groups, and some contradict the sign of the mean.
        steady: hardly any round contradicts the sign of the mean: none of 9, 1 of 10, 3 of 20.
    """

    gaps: Floats
    degrees: Floats
    changing: Marks
    steady: Marks


@dataclass(frozen=True)
class _Moments:
    """Moments of series of rounds, such as the differences of pairs; each array has a value for each series."""

    count: Floats
    mean: Floats
    variance: Floats
    correlation: Floats
    changing: Marks
    steady: Marks


def quantile(risk: float, degrees: Floats) -> Floats:
    """Return Student's quantiles for a one-sided risk; `degrees` are all finite, or all infinite."""
    if np.isinf(degrees).all():
        return np.full(degrees.shape, -float(ndtri(risk)))
    # The quantile is slow: it is computed for few degrees. Rounded down, they err to the safe side.
    places = np.maximum((degrees / _DEGREE_STEP).astype(np.int64), 1)
    return np.asarray(-stdtrit(_DEGREE_STEP * np.arange(1, places.max(initial=1) + 1), risk)[places - 1])


def compare(values: Floats, least_rounds: int) -> PairComparison:
    """Compare all pairs of points that have at least `least_rounds` rounds in common, or lie far apart.

    `values` has shape (rounds, points): less is better, NaN without a probe. Metrics with proportional noise are passed
    as logarithms.
    """
    rounds, points = values.shape
    block = max(1, _BLOCK_VALUES // max(1, rounds * points))
    parts = [_moments(values.T[None] - values.T[start : start + block, None]) for start in range(0, points, block)]
    joined = (np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(_Moments))
    moments = _Moments(*joined)
    others = ~np.eye(points, dtype=np.bool_)
    errors, degrees = _standard_errors(moments, others & (moments.count >= FEWEST_ROUNDS))
    far = (moments.count >= FEWEST_ROUNDS) & (np.abs(moments.mean) >= math.log(FAR))
    known = others & (far | (moments.count >= least_rounds))
    gaps = np.divide(moments.mean, errors, out=np.zeros_like(errors), where=known & ~moments.changing)
    return PairComparison(gaps, degrees, known & moments.changing, moments.steady)


def mean_bounds(values: Floats, risk: float) -> Floats:
    """Return bounds of each point's mean over all time, of shape (2, points): low and high; NaN below two probes.

    They hold for states that the study has seen: disturbances of whole rounds and autocorrelation widen them. `values`
    is as for `compare`; `risk` is the chance that a mean lies outside its bounds, on either side.
    """
    moments = _moments(values.T[None])
    known = moments.count > 1
    errors, degrees = _standard_errors(moments, known)
    reach = quantile(risk / 2, degrees) * errors
    bounds = np.concatenate([moments.mean - reach, moments.mean + reach])
    return np.where(known, bounds, np.nan)


def _moments(series: Floats) -> _Moments:
    """Return the moments of series along the last axis, the rounds."""
    seen = ~np.isnan(series)
    count = seen.sum(axis=-1).astype(np.float64)
    filled = np.where(seen, series, 0.0)
    mean = _ratio(filled.sum(axis=-1), count)
    rest = np.where(seen, series - mean[..., None], 0.0)
    squares = (rest**2).sum(axis=-1)
    contradictions = (seen & (np.sign(filled) != np.sign(mean)[..., None])).sum(axis=-1)
    changing = contradictions > 0
    changing[changing] = _in_two_groups(series[changing], count[changing], squares[changing])
    return _Moments(
        count=count,
        mean=mean,
        variance=_ratio(squares, count - 1),
        correlation=_ratio((rest[..., 1:] * rest[..., :-1]).sum(axis=-1), squares),
        changing=changing,
        steady=contradictions <= np.maximum(count // 5 - 1, 0),
    )


def _in_two_groups(series: Floats, count: Floats, squares: Floats) -> Marks:
    """Mark the series that have most of their variance between two groups of rounds, split at the best place."""
    places = np.arange(1, series.shape[-1] + 1)
    total = count[..., None]
    sums = np.nancumsum(np.sort(series, axis=-1), axis=-1)  # NaN is sorted last
    low, high = sums / places, _ratio(sums[..., -1:] - sums, total - places)
    inside = (places >= _LEAST_GROUP) & (places <= total - _LEAST_GROUP)
    between = np.where(inside, _ratio((places * (total - places)).astype(np.float64), total) * (high - low) ** 2, 0.0)
    share = _STATE_SHARE + _STATE_SHARE_FEW / np.maximum(count, 1)
    return np.asarray((squares > _LEAST_SD**2) & (between.max(axis=-1, initial=0.0) > share * squares))


def _standard_errors(moments: _Moments, known: Marks) -> tuple[Floats, Floats]:
    """Return the standard errors of means, and their degrees of freedom; `known` marks the series that count."""
    pooled, common = 0.0, 0.0
    if known.any():
        pooled, common = float(moments.variance[known].mean()), float(moments.correlation[known].mean())
    count = np.maximum(moments.count, 2.0)
    own_share = count / (count + _OWN_WEIGHT)
    found = common + own_share * np.maximum(moments.correlation - common, 0.0)
    # The autocorrelation found in few values is too small by (1 + 4 r) / n (Marriott and Pope).
    correlation = np.clip(found + (1 + 4 * found) / count, 0.0, _MOST_CORRELATION)
    inflation = (1 + correlation) / (1 - correlation)
    # The values scatter around their own mean, which moves with them: their variance is too small.
    own = moments.variance / np.maximum(1 - (inflation - 1) / (count - 1), 1 / count)
    variance = (PRIOR_DEGREES * pooled + (count - 1) * own) / (PRIOR_DEGREES + count - 1)
    degrees = PRIOR_DEGREES + np.maximum(count / inflation - 1, 0.0)
    return np.sqrt(np.maximum(variance, _LEAST_SD**2) * inflation / count), degrees


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator > 0)
