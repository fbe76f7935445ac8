"""What is believed of a model's accuracy: a prior, a check on some images, or the whole dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.exploration.meter import AccuracyCount


@dataclass(frozen=True)
class Belief:
    """A top-1 accuracy.

    Attributes:
        percent: the value; 0 where nothing is known.
        sd: standard deviation in points of a percent; 0: measured on the whole dataset; infinite: nothing is known.
        source: where it comes from, for people.
    """

    percent: float
    sd: float
    source: str

    def interval(self, risk: float) -> tuple[float, float]:
        """Give the two bounds that the value lies between with probability 1 - risk; needs a finite `sd`."""
        reach = NormalDist().inv_cdf(1 - risk / 2) * self.sd
        return max(0.0, self.percent - reach), min(100.0, self.percent + reach)


@dataclass(frozen=True)
class Rung:
    """A check on `images` images; the prior stands if it is within `within` standard errors."""

    images: int
    within: float


LADDER = (Rung(1000, 1.0), Rung(5000, 2.0), Rung(15_000, 4.0))


def unknown_belief() -> Belief:
    """Give what is believed of a model without a prior."""
    return Belief(0.0, math.inf, "unknown")


def measured(count: AccuracyCount, samples: int) -> Belief:
    """Make a belief of images classified, out of a dataset of so many."""
    share = count.correct / count.count
    rest = max(0.0, 1 - count.count / samples)
    # One right and one wrong more (Agresti and Coull) keep a share of 0 or 1 from looking certain.
    smoothed = (count.correct + 1) / (count.count + 2)
    sd = 100 * math.sqrt(smoothed * (1 - smoothed) / count.count * rest)
    return Belief(100 * share, sd, f"measured on {count.count} samples")


def checked(
    prior: Belief, check: Callable[[int], AccuracyCount], samples: int, ladder: Sequence[Rung] = LADDER
) -> Belief:
    """Check a prior on more and more images until it stands; one that never does is measured on the whole dataset."""
    if math.isinf(prior.sd):
        return measured(check(samples), samples)
    for rung in (rung for rung in ladder if rung.images < samples):
        seen = measured(check(rung.images), samples)
        if abs(seen.percent - prior.percent) <= rung.within * math.hypot(seen.sd, prior.sd):
            return Belief(prior.percent, prior.sd, f"{prior.source}, checked on {rung.images} samples")
    return measured(check(samples), samples)
