"""Dominance with confidence, by pairwise comparisons of noisy metrics; and the accuracies that it depends on.

Each round of probes runs every contested point once, in random order. Two points are compared over the rounds that have
both, so a disturbance of a whole round cancels. docs/exploration.md has the methods with their sources, and the reasons
for the order of accuracy checks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.exploration.racing.paired import compare, quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]
    from collections.abc import Sequence

    from mlperf_home.contracts.studies.race import Belief

MOST_POINTS = 4000
"""The limit of a race, which compares all pairs."""


@dataclass(frozen=True)
class Gaps:
    """The differences of all pairs in one metric.

    Attributes:
        gaps: shape (points, points), in standard errors; [i, j] > 0: i is better than j.
        equal: shape (points, points): known to be equal, not only indistinguishable.
        degrees: the degrees of freedom of the standard errors, of all pairs or of shape (points, points).
        steady: shape (points, points): the difference has one sign in nearly all rounds.
        changing: shape (points, points): the sign of the difference depends on the machine's state.
    """

    gaps: Floats
    equal: Marks
    degrees: Floats | float
    steady: Marks
    changing: Marks

    def sure(self, risk: float) -> Marks:
        """Mark the pairs whose row is better with confidence, at a one-sided risk."""
        return np.asarray(self.gaps >= quantile(risk, np.asarray(self.degrees, dtype=np.float64)))


@dataclass(frozen=True)
class RaceVerdict:
    """The result of comparing all alive points.

    Attributes:
        dominator: shape (points,): the index of a point that dominates this one with confidence, or -1.
        front: shape (points,): alive, and every other alive point is worse in some metric with confidence.
        open_pairs: shape (points, points): the row may yet dominate the column.
        changing: shape (points, points): open pairs that depend on the machine's state.
    """

    dominator: NDArray[np.int64]
    front: Marks
    open_pairs: Marks
    changing: Marks


def probe_gaps(values: Floats, least_rounds: int) -> Gaps:
    """Compare points by their probes, of shape (rounds, points); see `paired.compare`."""
    found = compare(values, least_rounds)
    same = np.eye(len(found.gaps), dtype=np.bool_)
    return Gaps(found.gaps, same, found.degrees, found.steady, found.changing)


def no_gaps(count: int) -> Gaps:
    """Return the gaps before any comparison."""
    return _known_gaps(np.zeros((count, count)), np.eye(count, dtype=np.bool_))


def _known_gaps(gaps: Floats, equal: Marks) -> Gaps:
    """Return gaps with known standard errors, which do not depend on the machine's state."""
    return Gaps(gaps, equal, math.inf, np.ones_like(equal), np.zeros_like(equal))


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
    return _known_gaps(np.where(same | exact | np.isnan(gaps), 0.0, gaps), same | exact)


def judge(metrics: list[Gaps], alive: Marks, risk: float) -> RaceVerdict:
    """Compare all alive points by their gaps; `alive` has shape (points,), `risk` is that of one comparison."""
    better = [each.sure(risk) for each in metrics]
    not_worse = [sure | each.equal for sure, each in zip(better, metrics, strict=True)]
    among = alive[:, None] & alive[None, :]
    dominates = np.logical_and.reduce(not_worse) & np.logical_or.reduce(better) & among
    dominates &= np.logical_and.reduce([each.steady | each.equal for each in metrics])
    safe = np.logical_or.reduce(better).T | np.logical_and.reduce([each.equal for each in metrics])
    open_pairs = among & ~safe & ~dominates
    np.fill_diagonal(open_pairs, val=False)
    clearest = np.where(dominates, np.minimum.reduce([np.where(m.equal, np.inf, m.gaps) for m in metrics]), -np.inf)
    dominator = np.where(dominates.any(axis=0), clearest.argmax(axis=0), -1)
    # A dominated point threatens only points that its dominator threatens too.
    remaining = alive & (dominator < 0)
    open_pairs &= remaining[:, None] & remaining[None, :]
    changing = open_pairs & np.logical_or.reduce([each.changing for each in metrics])
    return RaceVerdict(dominator, remaining & ~open_pairs.any(axis=0), open_pairs, changing)


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
        return _known_gaps(gaps, plain.equal)


def drop_models(beliefs: BeliefArrays, threats: Marks, risk: float) -> set[int]:
    """Return the models whose check may drop a point.

    Among the points that seem to dominate one, the surest is checked first, as it may drop others too; the dominated
    point comes next. `threats` has shape (points, points): the row is no worse in the other metrics, and may yet
    dominate the column.
    """
    seeming = threats & beliefs.plain_gaps().sure(risk)
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
    better = beliefs.plain_gaps().sure(risk).T
    hopeful = ~(open_pairs & ~better).any(axis=0)
    for row, column in zip(*np.nonzero(open_pairs & better & hopeful[None, :]), strict=True):
        if any(side[i] and not beliefs.extends[i] for side, i in ((beliefs.up, row), (beliefs.down, column))):
            continue
        reach = float(quantile(risk, np.array(math.inf))) * math.hypot(beliefs.sds[row], beliefs.sds[column])
        if beliefs.down[column]:
            models.add(int(beliefs.model[column]))
        if beliefs.up[row] and beliefs.values[column] - beliefs.values[row] - reach <= beliefs.up[row]:
            models.add(int(beliefs.model[row]))
    return models


def width_models(beliefs: BeliefArrays, open_pairs: Marks, risk: float) -> set[int]:
    """Return the models whose accuracy is measured too loosely to distinguish two points."""
    clear = beliefs.plain_gaps().sure(risk)
    loose = ~beliefs.prior & beliefs.extends
    models = set()
    for pair in zip(*np.nonzero(open_pairs & ~clear & ~clear.T & (loose[:, None] | loose[None, :])), strict=True):
        widest = max((index for index in pair if loose[index]), key=lambda index: beliefs.sds[index])
        models.add(int(beliefs.model[widest]))
    return models
