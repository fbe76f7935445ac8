"""Distributions of times as strips: a tick for each value on a logarithmic axis."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 240, 20
_MARGIN = 6
_STEPS = 40
_LEAST_REACH = 1.02


class Strip(NamedTuple):
    """A distribution as a page shows it.

    Attributes:
        path: the ticks, as the path of an SVG.
        mark: the place of the marked value; None without one.
        low, middle, high: the bounds and the median in milliseconds.
        results: the number of values.
        slower: the number of values that are slower than the marked one.
    """

    path: str
    mark: float | None
    low: str
    middle: str
    high: str
    results: int
    slower: int
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class ClassValues:
    """The times of a class in milliseconds, the shortest first; there is at least one."""

    times: Sequence[float]

    @cached_property
    def key(self) -> int:
        """A number that changes if the times do."""
        return hash(tuple(self.times))

    @cached_property
    def _strip(self) -> Strip:
        places = dict.fromkeys(round(self._place(each)) for each in self.times)
        return Strip(
            path="".join(f"M{x} 3V{HEIGHT - 3}" for x in places),
            mark=None,
            low=f"{self.times[0]:.3g}",
            middle=f"{self.times[(len(self.times) - 1) // 2]:.3g}",
            high=f"{self.times[-1]:.3g}",
            results=len(self.times),
            slower=0,
        )

    def strip(self, marked: float | None = None) -> Strip:
        """Return the strip, with one value marked if it is given."""
        if marked is None:
            return self._strip
        slower = len(self.times) - bisect_right(self.times, marked)
        return self._strip._replace(mark=round(self._place(marked), 1), slower=slower)

    def shown(self) -> tuple[str, ...]:
        """Return the times to compare another one with: all, or evenly ranked ones of many."""
        last = len(self.times) - 1
        every = last <= _STEPS
        times = self.times if every else [self.times[last * step // _STEPS] for step in range(_STEPS + 1)]
        return tuple(f"{each:.4g}" for each in times)

    def _place(self, time_ms: float) -> float:
        low = math.log(self.times[0])
        reach = max(math.log(self.times[-1]) - low, math.log(_LEAST_REACH))
        return _MARGIN + (math.log(time_ms) - low) / reach * (WIDTH - 2 * _MARGIN)
