"""Who dominates whom with confidence, and on whose accuracy it depends: pairwise comparisons of noisy metrics.

Probes are made in rounds: each contested point once, in random order. Two points are compared over the rounds that both
were in, so what slowed a whole round down cancels. Methods and their sources, and the reasons for the order in which
accuracies are checked: docs/exploration.md.
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

    from mlperf_home.contracts.race import Belief

MOST_POINTS = 4000
"""A race compares all pairs."""

POOLED_DEGREES = 40
"""How many degrees of freedom the points' common variance counts as, beside a point's own."""

_LEAST_SD = 1e-6


@dataclass(frozen=True)
class Gaps:
    """One metric's differences of all pairs, in standard errors; [i, j] > 0: i is better than j.

    Attributes:
        gaps: shape (points, points).
        equal: shape (points, points): known to be the same, not only not told apart.
        degrees: of freedom of the standard errors.
    """

    gaps: Floats
    equal: Marks
    degrees: float


@dataclass(frozen=True)
class Verdict:
    """What is known of the points that were alive.

    Attributes:
        dominator: shape (points,): who dominates the point with confidence, or -1.
        front: shape (points,): alive, and every other alive point is worse in something with confidence.
        open_pairs: shape (points, points): the column may yet be dominated by the row.
    """

    dominator: NDArray[np.int64]
    front: Marks
    open_pairs: Marks


def probe_gaps(values: Floats) -> Gaps:
    """Compare points by their probes.

    `values` has shape (rounds, points): less is better, NaN where a point was not in the round; for metrics that vary
    in proportion the logarithms.
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
    """Variance of one probe of each point: the common one, moved towards the point's own where there is much of it."""
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
    # Removing the rounds' and the points' means takes the same part of every point's squares.
    own = (rest**2).sum(axis=0) * (seen.sum() - seen.any(axis=1).sum()) / max(float(seen.sum()), 1.0)
    extra = np.maximum(counts - 1, 0)
    return (POOLED_DEGREES * pooled + own) / (POOLED_DEGREES + extra), min(degrees, float(POOLED_DEGREES))


def probe_bounds(values: Floats, risk: float) -> Floats:
    """Bound each point's mean by itself, whatever slowed whole rounds down included.

    `values` are as `probe_gaps` takes them; `risk` is that a mean lies outside its bounds, on either side. The bounds
    have shape (2, points): low and high; NaN of a point with fewer than two probes.
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
    """Compare points by values with known variances, both of shape (points,); of values less is better.

    A variance of 0: exact; infinite: nothing is known. `same`, shape (points, points), marks pairs that have the same
    value whatever it is.
    """
    differences = values[None, :] - values[:, None]
    errors = np.sqrt(variances[:, None] + variances[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(errors > 0, differences / errors, np.sign(differences) * np.inf)
    exact = (errors == 0) & (differences == 0)
    return Gaps(np.where(same | exact | np.isnan(gaps), 0.0, gaps), same | exact, np.inf)


def critical(risk: float, degrees: float) -> float:
    """Return Student's quantile for a one-sided risk (Cornish-Fisher, good from ten degrees of freedom)."""
    normal = NormalDist().inv_cdf(1 - risk)
    first = (normal**3 + normal) / 4
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / 96
    return normal + first / degrees + second / degrees**2


def judge(metrics: list[Gaps], alive: Marks, risk: float) -> Verdict:
    """Decide every pair of alive points (shape: (points,)) by the gaps in each metric, at one comparison's risk."""
    better = [each.gaps >= critical(risk, each.degrees) for each in metrics]
    not_worse = [sure | each.equal for sure, each in zip(better, metrics, strict=True)]
    among = alive[:, None] & alive[None, :]
    dominates = np.logical_and.reduce(not_worse) & np.logical_or.reduce(better) & among
    safe = np.logical_or.reduce(better).T | np.logical_and.reduce([each.equal for each in metrics])
    open_pairs = among & ~safe & ~dominates
    np.fill_diagonal(open_pairs, val=False)
    clearest = np.where(dominates, np.minimum.reduce([np.where(m.equal, np.inf, m.gaps) for m in metrics]), -np.inf)
    dominator = np.where(dominates.any(axis=0), clearest.argmax(axis=0), -1)
    # What is dominated threatens nothing that its dominator does not threaten as well.
    left = alive & (dominator < 0)
    open_pairs &= left[:, None] & left[None, :]
    return Verdict(dominator, left & ~open_pairs.any(axis=0), open_pairs)


@dataclass(frozen=True)
class Believed:
    """Beliefs as arrays of shape (points,), and the models by number.

    Attributes:
        model: the number of each point's model.
        values: percent.
        sds: standard deviations.
        up: by how much a prior may be too low.
        down: by how much it may be too high.
        extends: whether more samples of the point's model may be looked at.
        prior: whether the value is a prior's.
    """

    model: NDArray[np.int64]
    values: Floats
    sds: Floats
    up: Floats
    down: Floats
    extends: Marks
    prior: Marks

    @classmethod
    def of(cls, model: NDArray[np.int64], beliefs: Sequence[Belief], extends: Sequence[bool]) -> Believed:
        """Put beliefs, one a point, into arrays."""
        columns = [(each.percent, each.sd, each.up, each.down) for each in beliefs]
        values, sds, up, down = (np.array(column, dtype=np.float64) for column in zip(*columns, strict=True))
        priors = np.array([each.prior for each in beliefs], dtype=np.bool_)
        return cls(model, values, sds, up, down, np.array(extends, dtype=np.bool_), priors)

    def plain_gaps(self) -> Gaps:
        """Compare accuracies as if every prior were right."""
        return belief_gaps(-self.values, self.sds**2, self.model[:, None] == self.model[None, :])

    def gaps(self) -> Gaps:
        """Compare accuracies; what a prior may be off by counts against the one that would be better."""
        plain = self.plain_gaps()
        apart = self.values[:, None] - self.values[None, :]
        sure = apart - self.down[:, None] - self.up[None, :]
        share = np.divide(sure, apart, out=np.zeros_like(apart), where=apart > 0)
        left = np.multiply(plain.gaps, share, out=np.zeros_like(apart), where=(apart > 0) & (sure > 0))
        return Gaps(left, plain.equal, plain.degrees)


def decides_drops(known: Believed, threats: Marks, risk: float) -> set[int]:
    """Return the models of which it depends whether a point is dropped.

    Of all that seem to dominate a point, the one that would do so most surely is checked first, since it may drop
    others as well; the point itself comes after it. `threats` has shape (points, points): the row is no worse in the
    other metrics, and may yet dominate the column.
    """
    seeming = threats & _clear(known.plain_gaps(), risk)
    settles = (known.down == 0) | known.extends
    chosen = set()
    for column in np.flatnonzero(seeming.any(axis=0)):
        rows = np.flatnonzero(seeming[:, column] & settles)
        if len(rows) and (known.up[column] == 0 or known.extends[column]):
            best = max(rows, key=lambda row: (known.values[row] - known.down[row], known.values[row]))
            chosen.add(int(known.model[best if known.down[best] else column]))
    return chosen


def decides_fronts(known: Believed, open_pairs: Marks, risk: float) -> set[int]:
    """Return the models of which it depends whether a point is surely more accurate than what may dominate it.

    A point that is open for another reason as well (as fast as another, for all that probes say) stays undecided
    whatever a check says: for its sake nothing is checked. `open_pairs` is as in a Verdict.
    """
    chosen = set()
    better = _clear(known.plain_gaps(), risk).T
    hopeful = ~(open_pairs & ~better).any(axis=0)
    for row, column in zip(*np.nonzero(open_pairs & better & hopeful[None, :]), strict=True):
        if any(side[each] and not known.extends[each] for side, each in ((known.up, row), (known.down, column))):
            continue
        reach = critical(risk, math.inf) * math.hypot(known.sds[row], known.sds[column])
        if known.down[column]:
            chosen.add(int(known.model[column]))
        if known.up[row] and known.values[column] - known.values[row] - reach <= known.up[row]:
            chosen.add(int(known.model[row]))
    return chosen


def decides_widths(known: Believed, open_pairs: Marks, risk: float) -> set[int]:
    """Return the models without a prior, or with a wrong one, known too loosely to tell two points apart."""
    clear = _clear(known.plain_gaps(), risk)
    loose = ~known.prior & known.extends
    chosen = set()
    for pair in zip(*np.nonzero(open_pairs & ~clear & ~clear.T & (loose[:, None] | loose[None, :])), strict=True):
        widest = max((each for each in pair if loose[each]), key=lambda each: known.sds[each])
        chosen.add(int(known.model[widest]))
    return chosen


def _clear(gaps: Gaps, risk: float) -> Marks:
    return gaps.gaps >= critical(risk, gaps.degrees)
