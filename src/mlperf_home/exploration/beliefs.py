"""What is believed of a model's accuracy: a prior, a prior that a check bears out, or a measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from mlperf_home.exploration.evidence import evidence

if TYPE_CHECKING:
    from mlperf_home.exploration.meter import AccuracyCount


@dataclass(frozen=True)
class Belief:
    """A top-1 accuracy.

    Attributes:
        percent: the value; 0 where nothing is known.
        sd: standard deviation in points of a percent; 0: measured on the whole dataset; infinite: nothing is known.
        source: where it comes from, for people.
        up: by how many points more the prior may be too low, for all that is known; 0 once a check has ruled it out.
        down: the same of a prior that is too high.
        prior: whether the value is a prior's.
    """

    percent: float
    sd: float
    source: str
    up: float = 0.0
    down: float = 0.0
    prior: bool = True

    def interval(self, risk: float) -> tuple[float, float]:
        """Give the two bounds that the value lies between with probability 1 - risk; needs a finite `sd`."""
        reach = NormalDist().inv_cdf(1 - risk / 2) * self.sd
        return max(0.0, self.percent - reach), min(100.0, self.percent + reach)


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


def unknown_belief() -> Belief:
    """Give what is believed of a model without a prior."""
    return Belief(0.0, math.inf, "unknown", prior=False)


def measured(count: AccuracyCount, samples: int) -> Belief:
    """Make a belief of images classified, out of a dataset of so many."""
    share = count.correct / count.count
    rest = max(0.0, 1 - count.count / samples)
    # One right and one wrong more (Agresti and Coull) keep a share of 0 or 1 from looking certain.
    smoothed = (count.correct + 1) / (count.count + 2)
    sd = 100 * math.sqrt(smoothed * (1 - smoothed) / count.count * rest)
    return Belief(100 * share, sd, f"measured on {count.count} samples", prior=False)


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
