"""Dominance and fronts of points with two metrics or more, without NumPy: programs that start fast use it too.

A point dominates another if it is at least as good in every metric and better in one; the front is what no point
dominates.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Vector = tuple[float, ...]

DIRECTIONS = ("min", "max")
"""Whether less or more of a metric is better."""

_FEWEST, _SPACE = 2, 3


def oriented(values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[Vector]:
    """Turn metrics so that less is better in each.

    Args:
        values: points with a number for each direction.
        directions: one of DIRECTIONS for each metric.

    Raises:
        ValueError: another shape, fewer than two metrics, an unknown direction, or a value that is not a number.
    """
    if odd := [each for each in directions if each not in DIRECTIONS]:
        raise ValueError(f"a direction is min or max, got {odd[0]!r}")
    if len(directions) < _FEWEST:
        raise ValueError("a front needs two metrics or more")
    points = list(values)
    if sizes := set(map(len, points)) - {len(directions)}:
        raise ValueError(f"expected values of shape (points, {len(directions)}), got a point of {min(sizes)}")
    signs = [-1.0 if each == "max" else 1.0 for each in directions]
    turned = [tuple(sign * value for sign, value in zip(signs, each, strict=True)) for each in points]
    if any(map(math.isnan, chain.from_iterable(turned))):
        place = next(place for place, each in enumerate(turned) if any(map(math.isnan, each)))
        raise ValueError(f"point {place} has a metric that is not a number")
    return turned


def dominates(one: Sequence[float], other: Sequence[float], directions: Sequence[str]) -> bool:
    """Whether one point dominates another."""
    first, second = oriented([one, other], directions)
    return first != second and all(a <= b for a, b in zip(first, second, strict=True))


def front(values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[bool]:
    """Mark what no point dominates; equal points do not dominate each other.

    Args:
        values: points with a number for each direction.
        directions: one of DIRECTIONS for each metric.

    Raises:
        ValueError: see `oriented`.
    """
    points = oriented(values, directions)
    edge = _Staircase() if len(directions) <= _SPACE else _Edge()
    # In lexicographic order nothing is dominated by what comes later, and the first metric needs no more comparing.
    kept = {point for point in sorted(set(points)) if edge.takes(point[1:])}
    return [point in kept for point in points]


class _Edge:
    """The points so far that leave each other undominated, but for their first metric."""

    def __init__(self) -> None:
        self._kept: list[Vector] = []

    def takes(self, rest: Vector) -> bool:
        """Take a point's other metrics in, unless those of another are at least as good."""
        if any(all(one <= other for one, other in zip(each, rest, strict=True)) for each in self._kept):
            return False
        self._kept = [each for each in self._kept if any(o < r for o, r in zip(each, rest, strict=True))]
        self._kept.append(rest)
        return True


class _Staircase(_Edge):
    """The same for one or two other metrics: steps, one metric up and the other down, found by bisection."""

    def __init__(self) -> None:
        super().__init__()
        self._across: list[float] = []
        self._up: list[float] = []

    def takes(self, rest: Vector) -> bool:
        across, up = (*rest, 0.0)[:2]
        place = bisect_right(self._across, across)
        if place and self._up[place - 1] <= up:
            return False
        first = place - 1 if place and self._across[place - 1] == across else place
        last = first
        while last < len(self._up) and self._up[last] >= up:
            last += 1
        self._across[first:last], self._up[first:last] = [across], [up]
        return True
