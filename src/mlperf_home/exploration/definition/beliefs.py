"""What is believed of a model's accuracy: a prior, a prior that a check bears out, or a measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlperf_home.exploration.definition.meter import AccuracyCount


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
        """Return the two bounds that the value lies between with probability 1 - risk; needs a finite `sd`."""
        reach = NormalDist().inv_cdf(1 - risk / 2) * self.sd
        return max(0.0, self.percent - reach), min(100.0, self.percent + reach)


UNKNOWN = Belief(0.0, math.inf, "unknown", prior=False)
"""What is believed of a model without a prior."""


def measured(count: AccuracyCount, samples: int) -> Belief:
    """Make a belief of images classified, out of a dataset of so many."""
    share = count.correct / count.count
    rest = max(0.0, 1 - count.count / samples)
    # One right and one wrong more (Agresti and Coull) keep a share of 0 or 1 from looking certain.
    smoothed = (count.correct + 1) / (count.count + 2)
    sd = 100 * math.sqrt(smoothed * (1 - smoothed) / count.count * rest)
    return Belief(100 * share, sd, f"measured on {count.count} samples", prior=False)
