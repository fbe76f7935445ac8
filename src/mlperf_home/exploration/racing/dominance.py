"""Dominance with confidence, by pairwise comparisons of noisy metrics; and the accuracies that it depends on.

Each round of probes runs every contested point once, in random order. Two points are compared over the rounds that have
both, so a disturbance of a whole round cancels. docs/exploration.md has the methods with their sources, and the reasons
for the order of accuracy checks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]
    from collections.abc import Sequence

    from mlperf_home.contracts.studies.race import Belief

MOST_POINTS = 4000
"""The limit of a race, which compares all pairs."""

POOLED_DEGREES = 40
"""The weight of the points' common variance against a point's own, in degrees of freedom."""

_LEAST_SD = 1e-6


@dataclass(frozen=True)
class Gaps:
    """The differences of all pairs in one metric.

    Attributes:
        gaps: shape (points, points), in standard errors; [i, j] > 0: i is better than j.
        equal: shape (points, points): known to be equal, not only indistinguishable.
        degrees: the degrees of freedom of the standard errors.
    """

    gaps: Floats
    equal: Marks
    degrees: float


@dataclass(frozen=True)
class RaceVerdict:
    """The result of comparing all alive points.

    Attributes:
        dominator: shape (points,): the index of a point that dominates this one with confidence, or -1.
        front: shape (points,): alive, and every other alive point is worse in some metric with confidence.
        open_pairs: shape (points, points): the row may yet dominate the column.
    """

    dominator: NDArray[np.int64]
    front: Marks
    open_pairs: Marks


def probe_gaps(values: Floats) -> Gaps:
    """Compare points by their probes.

    `values` has shape (rounds, points): less is better, NaN if the round has no probe of the point. Metrics with
    proportional noise are passed as logarithms.
    """
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    marks = seen.astype(np.float64)
    common = marks.T @ marks
    sums = filled.T @ marks
    differences = np.divide(sums.T - sums, common, out=np.zeros_like(common), where=common > 0)
    variance, degrees = _variances(values, seen)
    errors = np.sqrt(
        np.divide(variance[:, None] + variance[None, :], common, out=np.zeros_like(common), where=common > 0)
    )
    gaps = np.divide(differences, errors, out=np.zeros_like(errors), where=(common > 1) & (errors > 0))
    return Gaps(gaps, np.eye(len(gaps), dtype=np.bool_), degrees)


def _variances(values: Floats, seen: Marks) -> tuple[Floats, float]:
    """Return each point's variance of a probe, between the common one and its own; and the degrees of freedom."""
    counts = seen.sum(axis=0)
    rounds = np.zeros(len(values))
    rest = values
    for _ in range(8):
        means = _mean(np.where(seen, values - rounds[:, None], 0.0), seen, 0)
        rounds = _mean(np.where(seen, values - means, 0.0), seen, 1)
        rest = np.where(seen, values - means - rounds[:, None], 0.0)
    used = seen.any(axis=0).sum() + seen.any(axis=1).sum() - 1
    degrees = max(float(seen.sum() - used), 1.0)
    pooled = max(float((rest**2).sum()) / degrees, _LEAST_SD**2)
    # Subtracting the means of rounds and points removes the same share of every point's squares.
    own = (rest**2).sum(axis=0) * (seen.sum() - seen.any(axis=1).sum()) / max(float(seen.sum()), 1.0)
    extra = np.maximum(counts - 1, 0)
    return (POOLED_DEGREES * pooled + own) / (POOLED_DEGREES + extra), min(degrees, float(POOLED_DEGREES))


def probe_bounds(values: Floats, risk: float) -> Floats:
    """Return bounds of each point's mean, of shape (2, points): low and high; NaN with fewer than two probes.

    Disturbances of whole rounds widen the bounds. `values` is as for `probe_gaps`; `risk` is the chance that a mean
    lies outside its bounds, on either side.
    """
    seen = ~np.isnan(values)
    counts = seen.sum(axis=0)
    means = _mean(np.where(seen, values, 0.0), seen, 0)
    squares = (np.where(seen, values - means, 0.0) ** 2).sum(axis=0)
    extra = np.maximum(counts - 1, 0)
    pooled = max(float(squares.sum()) / max(float(extra.sum()), 1.0), _LEAST_SD**2)
    variances = (POOLED_DEGREES * pooled + squares) / (POOLED_DEGREES + extra)
    degrees = max(min(float(extra.sum()), float(POOLED_DEGREES)), 1.0)
    reach = critical(risk / 2, degrees) * np.sqrt(variances / np.maximum(counts, 1))
    bounds = np.stack([means - reach, means + reach])
    return np.where(counts > 1, bounds, np.nan)


def _mean(filled: Floats, seen: Marks, axis: int) -> Floats:
    counts = seen.sum(axis=axis)
    total: Floats = filled.sum(axis=axis)
    return np.divide(total, counts, out=np.zeros(len(counts)), where=counts > 0)


def belief_gaps(values: Floats, variances: Floats, same: Marks) -> Gaps:
    """Compare points by values with known variances, both of shape (points,); less is better.

    A variance of 0 is exact, an infinite one unknown. `same`, of shape (points, points), marks pairs that share one
    value.
    """
    differences = values[None, :] - values[:, None]
    errors = np.sqrt(variances[:, None] + variances[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(errors > 0, differences / errors, np.sign(differences) * np.inf)
    exact = (errors == 0) & (differences == 0)
    return Gaps(np.where(same | exact | np.isnan(gaps), 0.0, gaps), same | exact, np.inf)


def critical(risk: float, degrees: float) -> float:
    """Return Student's quantile for a one-sided risk (Cornish-Fisher; accurate from ten degrees of freedom)."""
    normal = NormalDist().inv_cdf(1 - risk)
    first = (normal**3 + normal) / 4
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / 96
    return normal + first / degrees + second / degrees**2


def judge(metrics: list[Gaps], alive: Marks, risk: float) -> RaceVerdict:
    """Compare all alive points by their gaps; `alive` has shape (points,), `risk` is that of one comparison."""
    better = [each.gaps >= critical(risk, each.degrees) for each in metrics]
    not_worse = [sure | each.equal for sure, each in zip(better, metrics, strict=True)]
    among = alive[:, None] & alive[None, :]
    dominates = np.logical_and.reduce(not_worse) & np.logical_or.reduce(better) & among
    safe = np.logical_or.reduce(better).T | np.logical_and.reduce([each.equal for each in metrics])
    open_pairs = among & ~safe & ~dominates
    np.fill_diagonal(open_pairs, val=False)
    clearest = np.where(dominates, np.minimum.reduce([np.where(m.equal, np.inf, m.gaps) for m in metrics]), -np.inf)
    dominator = np.where(dominates.any(axis=0), clearest.argmax(axis=0), -1)
    # A dominated point threatens only points that its dominator threatens too.
    remaining = alive & (dominator < 0)
    open_pairs &= remaining[:, None] & remaining[None, :]
    return RaceVerdict(dominator, remaining & ~open_pairs.any(axis=0), open_pairs)


@dataclass(frozen=True)
class BeliefArrays:
    """Beliefs about accuracies as arrays of shape (points,).

    Attributes:
        model: the number of each point's model.
        values: accuracies in percent.
        sds: standard deviations.
        up: the points by which a prior may be too low.
        down: the points by which a prior may be too high.
        extends: whether the point's model may be checked on more samples.
        prior: whether the value comes from a prior.
    """

    model: NDArray[np.int64]
    values: Floats
    sds: Floats
    up: Floats
    down: Floats
    extends: Marks
    prior: Marks

    @classmethod
    def of(cls, model: NDArray[np.int64], beliefs: Sequence[Belief], extends: Sequence[bool]) -> BeliefArrays:
        """Return the beliefs, one for each point, as arrays."""
        columns = [(each.percent, each.sd, each.up, each.down) for each in beliefs]
        values, sds, up, down = (np.array(column, dtype=np.float64) for column in zip(*columns, strict=True))
        priors = np.array([each.prior for each in beliefs], dtype=np.bool_)
        return cls(model, values, sds, up, down, np.array(extends, dtype=np.bool_), priors)

    def plain_gaps(self) -> Gaps:
        """Compare accuracies as if every prior were right."""
        return belief_gaps(-self.values, self.sds**2, self.model[:, None] == self.model[None, :])

    def gaps(self) -> Gaps:
        """Compare accuracies; the possible error of priors reduces the gap of the better point."""
        plain = self.plain_gaps()
        difference = self.values[:, None] - self.values[None, :]
        sure = difference - self.down[:, None] - self.up[None, :]
        share = np.divide(sure, difference, out=np.zeros_like(difference), where=difference > 0)
        gaps = np.multiply(plain.gaps, share, out=np.zeros_like(difference), where=(difference > 0) & (sure > 0))
        return Gaps(gaps, plain.equal, plain.degrees)


def drop_models(beliefs: BeliefArrays, threats: Marks, risk: float) -> set[int]:
    """Return the models whose check may drop a point.

    Among the points that seem to dominate one, the surest is checked first, as it may drop others too; the dominated
    point comes next. `threats` has shape (points, points): the row is no worse in the other metrics, and may yet
    dominate the column.
    """
    seeming = threats & _clear(beliefs.plain_gaps(), risk)
    settles = (beliefs.down == 0) | beliefs.extends
    models = set()
    for column in np.flatnonzero(seeming.any(axis=0)):
        rows = np.flatnonzero(seeming[:, column] & settles)
        if len(rows) and (beliefs.up[column] == 0 or beliefs.extends[column]):
            best = max(rows, key=lambda row: (beliefs.values[row] - beliefs.down[row], beliefs.values[row]))
            models.add(int(beliefs.model[best if beliefs.down[best] else column]))
    return models


def front_models(beliefs: BeliefArrays, open_pairs: Marks, risk: float) -> set[int]:
    """Return the models whose check may prove a point more accurate than every point that may dominate it.

    A point that another one matches in speed stays undecided whatever a check finds, so it needs no check.
    `open_pairs` is as in a RaceVerdict.
    """
    models = set()
    better = _clear(beliefs.plain_gaps(), risk).T
    hopeful = ~(open_pairs & ~better).any(axis=0)
    for row, column in zip(*np.nonzero(open_pairs & better & hopeful[None, :]), strict=True):
        if any(side[i] and not beliefs.extends[i] for side, i in ((beliefs.up, row), (beliefs.down, column))):
            continue
        reach = critical(risk, math.inf) * math.hypot(beliefs.sds[row], beliefs.sds[column])
        if beliefs.down[column]:
            models.add(int(beliefs.model[column]))
        if beliefs.up[row] and beliefs.values[column] - beliefs.values[row] - reach <= beliefs.up[row]:
            models.add(int(beliefs.model[row]))
    return models


def width_models(beliefs: BeliefArrays, open_pairs: Marks, risk: float) -> set[int]:
    """Return the models whose accuracy is measured too loosely to distinguish two points."""
    clear = _clear(beliefs.plain_gaps(), risk)
    loose = ~beliefs.prior & beliefs.extends
    models = set()
    for pair in zip(*np.nonzero(open_pairs & ~clear & ~clear.T & (loose[:, None] | loose[None, :])), strict=True):
        widest = max((index for index in pair if loose[index]), key=lambda index: beliefs.sds[index])
        models.add(int(beliefs.model[widest]))
    return models


def _clear(gaps: Gaps, risk: float) -> Marks:
    return gaps.gaps >= critical(risk, gaps.degrees)
