"""On whose accuracy it depends where a point belongs. The reasons for the order: docs/exploration.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.exploration.racing.dominance import Gaps, belief_gaps, critical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.exploration.definition.beliefs import Belief

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]


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
    others as well; the point itself comes after it.

    Args:
        known: what is believed.
        threats: shape (points, points): the row is no worse in the other metrics, and may yet dominate the column.
        risk: of one comparison.
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
    whatever a check says: for its sake nothing is checked.

    Args:
        known: what is believed.
        open_pairs: shape (points, points): the column may yet be dominated by the row.
        risk: of one comparison.
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
