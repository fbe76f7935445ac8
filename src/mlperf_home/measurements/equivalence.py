"""Whether two machines, or two times, have the same speed: equivalence of repeated runs.

Two one-sided tests on the logarithm of the ratio (Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987): a value is
*reproduced* if the ratio lies within a margin with confidence, and *not reproduced* if it lies outside with confidence,
by Holm's procedure over all values (Scand. J. Statist. 6, 1979). Otherwise the runs cannot tell. docs/challenges.md has
the rates of wrong verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlperf_home.latencies.student import student_quantile, student_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]

RISK = 0.05
"""The risk of a wrong "reproduced" for each value, and of any wrong "not reproduced"."""

MARGIN = 0.10
"""The greatest difference of a speed that counts as the same, as a share."""

USUAL_RUNS = 3
"""The usual number of runs: with fewer, hardly any comparison is decided."""

MOST_RUNS = 20
"""No more runs are advised."""

_POOL_DEGREES = 12  # the most weight of the other values' variance, in degrees of freedom
_LEAST_SD = 1e-4


@dataclass(frozen=True)
class RepeatedValue:
    """One value of runs then and now; all values are positive."""

    then: tuple[float, ...]
    now: tuple[float, ...]


class KnownNoise(NamedTuple):
    """Noise known apart from the values: squares of logarithms around their means, and degrees of freedom."""

    squares: float
    degrees: int


@dataclass(frozen=True)
class ComparedRuns:
    """The comparison of a value.

    Attributes:
        verdict: the verdict.
        ratio: the ratio now to then, of geometric means.
        interval: the ratio's interval, at a confidence of 1 - 2 RISK; None without repeated runs.
        runs: the runs now that would do if the ratio stays as it is; None if that is known, or if no number would do.
    """

    verdict: Verdict
    ratio: float
    interval: tuple[float, float] | None
    runs: int | None = None


def compare(
    values: Sequence[RepeatedValue], margin: float = MARGIN, noise: KnownNoise | None = None
) -> list[ComparedRuns]:
    """Compare values; each value's noise is that of its own runs, moderated by the noise of the others.

    Args:
        values: the values.
        margin: the greatest difference that counts as the same, as a share.
        noise: further knowledge of the noise, which moderates too.

    Raises:
        ValueError: a value is not positive, or has no run then or now.
    """
    for each in values:
        if not each.then or not each.now or min(*each.then, *each.now) <= 0 or math.inf in (*each.then, *each.now):
            raise ValueError("an equivalence needs positive values of at least one run then and one now")
    noises = [_squares(each) for each in values]
    known = [*noises, *([noise] if noise else [])]
    all_squares, all_degrees = (sum(column) for column in zip(*known, strict=True)) if known else (0.0, 0)
    estimates = [
        _estimate(value, squares, degrees, all_squares, all_degrees)
        for value, (squares, degrees) in zip(values, noises, strict=True)
    ]
    differing = _holm([each.outside(math.log1p(margin)) for each in estimates])
    pairs = zip(estimates, differing, strict=True)
    return [_judged(estimate, math.log1p(margin), differs=differs) for estimate, differs in pairs]


def equal_accuracies(then: Sequence[float], now: Sequence[float], tolerance: float) -> Verdict:
    """Compare accuracies, which repeat: all must lie within `tolerance` points of each other."""
    every = (*then, *now)
    return "reproduced" if max(every) - min(every) <= tolerance else "not reproduced"


@dataclass(frozen=True)
class _Estimate:
    """The logarithm of a ratio; `sd` is one run's, None if unknown."""

    log_ratio: float
    sd: float | None
    degrees: int
    then: int
    now: int

    def error(self, now: int) -> float:
        return (self.sd or 0.0) * math.sqrt(1 / self.then + 1 / now)

    def outside(self, margin: float) -> float:
        """Return the p-value of the hypothesis that the ratio lies within the margin."""
        if self.sd is None:
            return 1.0
        return student_tail((abs(self.log_ratio) - margin) / self.error(self.now), self.degrees)

    def equivalent(self, margin: float, now: int, degrees: int) -> bool:
        return abs(self.log_ratio) + student_quantile(RISK, degrees) * self.error(now) < margin


def _squares(value: RepeatedValue) -> tuple[float, int]:
    """Return the squares of the logarithms around their means, and their degrees of freedom."""
    squares, degrees = 0.0, 0
    for runs in (value.then, value.now):
        logs = [math.log(each) for each in runs]
        mean = sum(logs) / len(logs)
        squares += sum((each - mean) ** 2 for each in logs)
        degrees += len(logs) - 1
    return squares, degrees


def _estimate(value: RepeatedValue, squares: float, degrees: int, all_squares: float, all_degrees: int) -> _Estimate:
    log_ratio = sum(map(math.log, value.now)) / len(value.now) - sum(map(math.log, value.then)) / len(value.then)
    if not all_degrees:
        return _Estimate(log_ratio, None, 0, len(value.then), len(value.now))
    weight = min(_POOL_DEGREES, all_degrees - degrees)
    others = (all_squares - squares) / (all_degrees - degrees) if all_degrees > degrees else 0.0
    variance = (squares + weight * others) / (degrees + weight)
    return _Estimate(log_ratio, max(math.sqrt(variance), _LEAST_SD), degrees + weight, len(value.then), len(value.now))


def _holm(chances: Sequence[float]) -> list[bool]:
    """Return which hypotheses are rejected at RISK for all together."""
    rejected = [False] * len(chances)
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        if chances[place] > RISK / (len(chances) - rank):
            break
        rejected[place] = True
    return rejected


def _judged(estimate: _Estimate, margin: float, *, differs: bool) -> ComparedRuns:
    ratio = math.exp(estimate.log_ratio)
    if estimate.sd is None:
        return ComparedRuns("inconclusive", ratio, None, USUAL_RUNS)
    reach = student_quantile(RISK, estimate.degrees) * estimate.error(estimate.now)
    interval = (math.exp(estimate.log_ratio - reach), math.exp(estimate.log_ratio + reach))
    if differs:
        return ComparedRuns("not reproduced", ratio, interval)
    if estimate.equivalent(margin, estimate.now, estimate.degrees):
        return ComparedRuns("reproduced", ratio, interval)
    more = range(estimate.now + 1, MOST_RUNS + 1)
    runs = next((n for n in more if estimate.equivalent(margin, n, estimate.degrees + n - estimate.now)), None)
    return ComparedRuns("inconclusive", ratio, interval, runs)
