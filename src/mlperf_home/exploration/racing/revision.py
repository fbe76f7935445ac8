"""What samples make of a belief in an accuracy: a prior that they bear out, or a measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.exploration.definition.beliefs import Belief, measured
from mlperf_home.exploration.racing.evidence import evidence

if TYPE_CHECKING:
    from mlperf_home.exploration.definition.meter import AccuracyCount


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
    """Give what a prior and all samples seen so far make one believe; `count.count` may be 0."""
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
    return Belief(prior.percent, prior.sd, f"{prior.source}, {_said(up, down, count.count)}", up, down)


def _left(against: tuple[float, ...], doubts: Doubts) -> float:
    """Give the least shift such that it and all beyond it are ruled out; 0 where none is left that has to be found."""
    left = 0.0
    for shift, evidence_for in zip(doubts.shifts, against, strict=True):
        if evidence_for < -math.log(doubts.missed):
            later = [each for each in doubts.shifts if each > shift]
            left = later[0] if later else shift
    return left


def _said(up: float, down: float, count: int) -> str:
    if up and down:
        return f"{count} samples do not tell whether it is right"
    return f"checked on {count} samples" + (" (may be too high)" if down else " (may be too low)" if up else "")
