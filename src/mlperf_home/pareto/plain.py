"""Fronts without NumPy, for a program that has to start fast."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = 3


def plane_front(values: Sequence[tuple[float, float]], directions: tuple[str, str]) -> list[bool]:
    """Mark what no point dominates; equal points do not dominate each other. One sort.

    Args:
        values: points of two metrics.
        directions: "min" or "max" for each.
    """
    signs = [-1.0 if each == "max" else 1.0 for each in directions]
    points = [(signs[0] * x, signs[1] * y) for x, y in values]
    keeps = [False] * len(points)
    best = math.inf
    last: tuple[float, float] | None = None
    for place in sorted(range(len(points)), key=points.__getitem__):
        point = points[place]
        if point[1] < best:
            best, last = point[1], point
        keeps[place] = point == last
    return keeps


def front(values: Sequence[tuple[float, ...]], directions: Sequence[str]) -> list[bool]:
    """Mark what no point dominates, by two metrics or more; equal points do not dominate each other.

    Args:
        values: points with a number for each direction.
        directions: "min" or "max" for each metric.
    """
    signs = [-1.0 if each == "max" else 1.0 for each in directions]
    places: dict[tuple[float, ...], list[int]] = {}
    for place, each in enumerate(values):
        places.setdefault(tuple(sign * value for sign, value in zip(signs, each, strict=True)), []).append(place)
    keeps = [False] * len(values)
    edge = _Staircase() if len(directions) == _SPACE else _Edge()
    # In lexicographic order nothing is dominated by what comes later, and the first metric needs no more comparing.
    for point in sorted(places):
        if edge.takes(point[1:]):
            for place in places[point]:
                keeps[place] = True
    return keeps


class _Edge:
    """What the points so far leave undominated, but for their first metric."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, ...]] = []

    def takes(self, rest: tuple[float, ...]) -> bool:
        """Take a point's other metrics in, unless those of another are at least as good."""
        if any(all(one <= other for one, other in zip(each, rest, strict=True)) for each in self._kept):
            return False
        self._kept = [each for each in self._kept if any(o < r for o, r in zip(each, rest, strict=True))]
        self._kept.append(rest)
        return True


class _Staircase(_Edge):
    """The same for two metrics: steps, one metric up and the other down, found by bisection."""

    def __init__(self) -> None:
        super().__init__()
        self._across: list[float] = []
        self._up: list[float] = []

    def takes(self, rest: tuple[float, ...]) -> bool:
        across, up = rest
        place = bisect_right(self._across, across)
        if place and self._up[place - 1] <= up:
            return False
        first = place - 1 if place and self._across[place - 1] == across else place
        last = first
        while last < len(self._up) and self._up[last] >= up:
            last += 1
        self._across[first:last], self._up[first:last] = [across], [up]
        return True
