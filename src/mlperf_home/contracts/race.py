"""How a race goes on, what measuring takes, and what is believed of a model beforehand: parts of a study's plan."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from mlperf_home.contracts.answer import Direction

OFFICIAL_RUNS = ("none", "front", "kept")
MORE_IS_BETTER = frozenset({"samples_per_second"})
"""Metrics of probes of which more is better; less is better of the others."""

_COIN = 0.5  # as good as a study of this risk
_LEAST_ROUNDS = 2  # one probe tells no noise


@dataclass(frozen=True)
class Protocol:
    """The dataset's size and the official run's least length.

    Attributes:
        samples: of the whole dataset.
        official_s: seconds of an official run at least.
        official_queries: samples of an official run at least.
    """

    samples: int = 50_000
    official_s: float = 600.0
    official_queries: int = 1024

    def official(self, sample_ms: float) -> float:
        """Return what an official run takes at least, in seconds."""
        return max(self.official_s, self.official_queries * sample_ms / 1000)

    def exhaustive(self, sample_ms: float) -> float:
        """Return what a point costs in an exhaustive sweep, in seconds."""
        return self.samples * sample_ms / 1000 + self.official(sample_ms)


IMAGENET = Protocol()
"""ImageNet's validation set, and SingleStream of round v3.1: 600 seconds and 1,024 queries at least."""


@dataclass(frozen=True)
class Settings:
    """How a study goes on.

    Attributes:
        metrics: the metrics that probes give, positive and compared as ratios; the first is how fast a sample is.
        accuracy: the name of the other metric, in percent.
        risk: the chance that any point is dropped or called front wrongly in the whole study.
        rounds: of probes at most.
        first_probe_s: how long a probe lasts at first.
        longer_every: after so many rounds probes last twice as long.
        check_after: the round after which accuracies are checked.
        doubt_points: how wrong a prior has to be, either way, for a check to find it.
        doubt_most: how wrong it may be at most.
        doubted_share: which share of the priors may be so wrong.
        false_alarm: the chance that a prior which is right is given up.
        check_samples: by how many samples a check goes on; it begins with twice as many.
        most_checked: samples that a prior is checked on at most.
        most_measured: samples that a model whose prior is wrong is measured on at most, without `full_accuracy`.
        official: which points get official runs: none, the front, or what was kept (with the undecided).
        full_accuracy: whether what is kept is measured on the whole dataset.
        seed: of the order within rounds.
        protocol: the dataset's size and the official run's length.
    """

    metrics: tuple[str, ...] = ("latency_ms",)
    accuracy: str = "top1_percent"
    risk: float = 0.05
    rounds: int = 20
    first_probe_s: float = 1.0
    longer_every: int = 10
    check_after: int = 3
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
        """Refuse what cannot be done."""
        least_rounds = max(_LEAST_ROUNDS, self.check_after)
        shares = 0 < self.doubted_share <= 1 and 0 < self.false_alarm < 1
        lengths = self.first_probe_s > 0 and self.longer_every >= 1
        doubts = 0 < self.doubt_points <= self.doubt_most
        needs = {
            "metrics must name what probes give, for instance latency_ms": self.metrics,
            f"risk must lie between 0 and {_COIN:g}, got {self.risk:g}": 0 < self.risk < _COIN,
            f"official must be one of {', '.join(OFFICIAL_RUNS)}, got {self.official!r}": self.official
            in OFFICIAL_RUNS,
            f"rounds must be at least {least_rounds}, got {self.rounds}": _LEAST_ROUNDS
            <= self.check_after
            <= self.rounds,
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
        """All metrics with "min" or "max"."""
        found: dict[str, Direction] = {name: "max" if name in MORE_IS_BETTER else "min" for name in self.metrics}
        return {**found, self.accuracy: "max"}

    def probe_s(self, number: int) -> float:
        """How long a probe of round `number` (from 0) lasts."""
        return float(self.first_probe_s * 2 ** (number // self.longer_every))


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
