"""Parts of a study's plan: the settings of a race, the protocol of measurements, beliefs about accuracies."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from mlperf_home.contracts.intervals import Interval, interval_around
from mlperf_home.contracts.studies.answer import Direction

OFFICIAL_RUNS = ("none", "front", "kept")
MORE_IS_BETTER = frozenset({"samples_per_second"})
"""Metrics of probes of which more is better; of the others, less is better."""

_COIN = 0.5  # a study of this risk is no better than a coin
ACCURACY_SHARE = 0.5
"""The accuracies' share of a study's risk; the probes have the rest."""

FEWEST_ROUNDS = 3
"""The fewest rounds that can show noise."""

_LOOK_GROWTH = 1.25


@dataclass(frozen=True)
class Protocol:
    """The size of the dataset and the least length of an official run.

    Attributes:
        samples: the number of samples in the whole dataset.
        official_s: the least duration of an official run, in seconds.
        official_queries: the least number of samples in an official run.
    """

    samples: int = 50_000
    official_s: float = 600.0
    official_queries: int = 1024

    def official(self, sample_ms: float) -> float:
        """Return the least duration of an official run, in seconds."""
        return max(self.official_s, self.official_queries * sample_ms / 1000)

    def exhaustive(self, sample_ms: float) -> float:
        """Return the time that a point takes in an exhaustive sweep, in seconds."""
        return self.samples * sample_ms / 1000 + self.official(sample_ms)


IMAGENET = Protocol()
"""ImageNet's validation set, and round v3.1's SingleStream: at least 600 seconds and 1,024 queries."""


@dataclass(frozen=True)
class Settings:
    """The settings of a study.

    Attributes:
        metrics: the metrics of probes, positive and compared as ratios; the first is the speed of a sample.
        accuracy: the name of the accuracy metric, in percent.
        risk: the chance that the whole study drops a point wrongly, or counts one to the front wrongly;
            accuracies have `ACCURACY_SHARE` of it, probes the rest.
        rounds: the most rounds of probes; with fewer than `least_rounds`, only points far apart are compared.
        first_probe_s: the duration of a probe in the first rounds.
        longer_every: the number of rounds after which the duration of probes doubles.
        least_rounds: the rounds that two points need in common before they are compared.
        round_spacing_s: the least time from the begin of a round to that of the next, in seconds. Machines have states
            that last for minutes; rounds in quick succession see one of them.
        doubt_points: the least error of a prior that a check must find, in either direction.
        doubt_most: the greatest error of a prior.
        doubted_share: the share of the priors that may be wrong by at least `doubt_points`.
        false_alarm: the chance that a right prior is rejected.
        check_samples: the number of samples in a step of a check; the first step has twice as many.
        most_checked: the most samples that a prior is checked on.
        most_measured: the most samples that a model with a wrong prior is measured on, without `full_accuracy`.
        official: the points that get official runs: none, front, or kept (the front and the undecided).
        full_accuracy: whether the front and the undecided are measured on the whole dataset.
        seed: the seed of the order within rounds.
        protocol: the size of the dataset and the length of official runs.
    """

    metrics: tuple[str, ...] = ("latency_ms",)
    accuracy: str = "top1_percent"
    risk: float = 0.05
    rounds: int = 20
    first_probe_s: float = 0.5
    longer_every: int = 10
    least_rounds: int = 8
    round_spacing_s: float = 60.0
    doubt_points: float = 3.0
    doubt_most: float = 6.0
    doubted_share: float = 0.1
    false_alarm: float = 0.001
    check_samples: int = 500
    most_checked: int = 20_000
    most_measured: int = 8_000
    official: str = "front"
    full_accuracy: bool = False
    seed: int = 0
    protocol: Protocol = IMAGENET

    def __post_init__(self) -> None:
        """Raise ValueError if a setting is out of range."""
        shares = 0 < self.doubted_share <= 1 and 0 < self.false_alarm < 1
        lengths = self.first_probe_s > 0 and self.longer_every >= 1
        doubts = 0 < self.doubt_points <= self.doubt_most
        needs = {
            "metrics must name at least one metric of probes, for instance latency_ms": self.metrics,
            f"risk must lie between 0 and {_COIN:g}, got {self.risk:g}": 0 < self.risk < _COIN,
            f"official must be one of {', '.join(OFFICIAL_RUNS)}, got {self.official!r}": self.official
            in OFFICIAL_RUNS,
            f"least_rounds must be at least {FEWEST_ROUNDS}, got {self.least_rounds}": self.least_rounds
            >= FEWEST_ROUNDS,
            f"rounds must be at least {FEWEST_ROUNDS}, got {self.rounds}": self.rounds >= FEWEST_ROUNDS,
            f"round_spacing must be 0 or more seconds, got {self.round_spacing_s:g}": 0
            <= self.round_spacing_s
            < math.inf,
            f"doubt_points must be above 0 and at most doubt_most, got {self.doubt_points:g}": doubts,
            "doubted_share and false_alarm must lie between 0 and 1": shares,
            f"check_samples must be at least 1, got {self.check_samples}": self.check_samples >= 1,
            "first_probe_s must be above 0 and longer_every at least 1": lengths,
        }
        for need, met in needs.items():
            if not met:
                raise ValueError(need)

    @property
    def directions(self) -> dict[str, Direction]:
        """The direction of each metric, "min" or "max"."""
        directions: dict[str, Direction] = {name: "max" if name in MORE_IS_BETTER else "min" for name in self.metrics}
        return {**directions, self.accuracy: "max"}

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of rounds after which the points are compared: few, as each look shares in the risk."""
        looks, rounds = {FEWEST_ROUNDS, self.rounds}, float(self.least_rounds)
        while rounds * _LOOK_GROWTH <= self.rounds:
            looks.add(math.floor(rounds))
            rounds *= _LOOK_GROWTH
        return tuple(sorted(looks))

    def comparison_risk(self, points: int) -> float:
        """Return the risk of one comparison of an ordered pair of points at one look (union bound)."""
        return self.risk * (1 - ACCURACY_SHARE) / max(1, points * (points - 1) * len(self.looks))

    def probe_s(self, number: int) -> float:
        """Return the duration of a probe in round `number` (from 0), in seconds."""
        return float(self.first_probe_s * 2 ** (number // self.longer_every))


COPIED_SD = 0.05
"""The standard deviation of a copied accuracy, in percentage points: over machines it varies by thousandths."""


def without_checks(settings: Settings) -> Settings:
    """Return the settings of a race that takes copied accuracies as they are, and checks none."""
    return replace(settings, doubt_points=1e-3, doubt_most=1e-3, most_checked=0, most_measured=0)


@dataclass(frozen=True)
class Belief:
    """A belief about a model's accuracy.

    Attributes:
        percent: the value; 0 if nothing is known.
        sd: the standard deviation in percentage points: 0 if measured on the whole dataset, infinite if unknown.
        source: the origin of the value, for people.
        up: the percentage points by which the prior may be too low; 0 once a check has ruled this out.
        down: the percentage points by which the prior may be too high; 0 once a check has ruled this out.
        prior: whether the value comes from a prior.
    """

    percent: float
    sd: float
    source: str
    up: float = 0.0
    down: float = 0.0
    prior: bool = True

    def interval(self, risk: float) -> Interval:
        """Return the bounds that contain the accuracy with probability 1 - risk; requires a finite `sd`."""
        low, high = interval_around(self.percent, NormalDist().inv_cdf(1 - risk / 2) * self.sd)
        return low, min(100.0, high)
