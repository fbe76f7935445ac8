"""The rule by which a value and its replay agree; everything else about a comparison is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlperf_home.contracts.challenges.reproduction import Agreement
    from mlperf_home.contracts.intervals import Interval

WIDEST = 0.2
"""The greatest width of an interval, as a share of its value, that can still be compared. It is a choice."""


@dataclass(frozen=True)
class BoundedValue:
    """A value with its interval; None: its ends are unknown, since too few queries tell nothing about them."""

    value: float
    interval: Interval | None


def agreement(then: BoundedValue, now: BoundedValue) -> Agreement:
    """Return whether two values agree: neither interval may be too wide, and the two must overlap."""
    first, second = then.interval, now.interval
    if first is None or second is None or _too_wide(first, then.value) or _too_wide(second, now.value):
        return "too noisy to compare"
    return "agree" if first[0] <= second[1] and second[0] <= first[1] else "differ"


def _too_wide(interval: Interval, value: float) -> bool:
    return interval[1] - interval[0] > WIDEST * value
