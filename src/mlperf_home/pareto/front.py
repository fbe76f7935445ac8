"""Dominance, fronts and hypervolume of points with two metrics or more, without NumPy: programs that start fast use it.

A point dominates another if it is at least as good in every metric and better in one; the front is what no point
dominates. The hypervolume measures what a front dominates within a reference point (Zitzler and Thiele, "Multiobjective
evolutionary algorithms: a comparative case study and the strength Pareto approach", 1999).
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

_FEWEST, _PLANE, _SPACE = 2, 2, 3


def oriented(values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[Vector]:
    """Turn points' metrics, each with one of DIRECTIONS, so that less is better.

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


def hypervolume(values: Iterable[Sequence[float]], reference: Sequence[float], directions: Sequence[str]) -> float:
    """Return the volume that the points dominate within a reference point, in the product of the metrics' units.

    Points that are not better than the reference in every metric add nothing. Cost grows with the front's size to the
    power of metrics - 1.

    Raises:
        ValueError: see `oriented`.
    """
    points, (bound,) = oriented(values, directions), oriented([reference], directions)
    return _volume([each for each in points if all(v < b for v, b in zip(each, bound, strict=True))], bound)


def _volume(points: list[tuple[float, ...]], bound: tuple[float, ...]) -> float:
    volume, top = 0.0, bound[-1]
    if len(bound) == _PLANE:
        for across, up in sorted(points):
            if up < top:
                volume, top = volume + (bound[0] - across) * (top - up), up
        return volume
    keeps = front(points, ("min",) * len(bound))
    edge = sorted((each for each, keep in zip(points, keeps, strict=True) if keep), key=lambda each: each[-1])
    # Between two steps of the last metric, what has come so far dominates the same area in the others.
    for count, (*_, step) in enumerate(edge, 1):
        depth = (edge[count][-1] if count < len(edge) else top) - step
        if depth > 0:
            volume += depth * _volume([each[:-1] for each in edge[:count]], bound[:-1])
    return volume
