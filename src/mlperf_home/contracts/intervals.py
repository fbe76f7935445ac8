"""Intervals around positive quantities: latencies, rates, energies, accuracies."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta

Bound = Annotated[float, Meta(ge=0)]
Interval = tuple[Bound, Bound]
"""(low, high), in the quantity's unit; both positive, or both 0 around a value of 0."""

_MOST = 500.0  # e to this power is finite, and so are its products with values in any unit


def interval_around(value: float, reach: float) -> Interval:
    """Return the interval around a positive value that reaches `reach`, in the value's unit, to each side.

    The sides are equal on a logarithmic scale: the low end is positive however far the interval reaches. Around 0,
    where such a scale has no place, the interval is (0, 0).
    """
    if value <= 0:
        return (value, value)
    factor = math.exp(min(reach / value, _MOST))
    return (value / factor, value * factor)
