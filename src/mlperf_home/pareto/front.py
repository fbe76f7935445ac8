"""Dominance, Pareto fronts and hypervolume of points with two or more metrics; without NumPy, for a fast start.

A point dominates another if it is at least as good in every metric and better in one. The front holds the points that
no point dominates. The hypervolume is the volume that a front dominates within a reference point (Zitzler and Thiele,
"Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto approach", 1999).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    Vector = tuple[float, ...]

DIRECTIONS = ("min", "max")
"""The directions of a metric: "min" if less is better, "max" if more is."""

_FEWEST, _PLANE, _SPACE = 2, 2, 3


def oriented(values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[Vector]:
    """Return the points with the metrics of direction "max" negated, so that less is better.

    Raises:
        ValueError: another shape, fewer than two metrics, an unknown direction, or a value that is not a number.
    """
    if unknown := [direction for direction in directions if direction not in DIRECTIONS]:
        raise ValueError(f"a direction must be min or max, got {unknown[0]!r}")
    if len(directions) < _FEWEST:
        raise ValueError(f"a front needs at least two metrics, got {len(directions)}")
    points = list(values)
    if sizes := set(map(len, points)) - {len(directions)}:
        raise ValueError(f"expected values of shape (points, {len(directions)}), got a point of {min(sizes)}")
    signs = [-1.0 if direction == "max" else 1.0 for direction in directions]
    vectors = [tuple(sign * value for sign, value in zip(signs, point, strict=True)) for point in points]
    if any(map(math.isnan, chain.from_iterable(vectors))):
        index = next(index for index, vector in enumerate(vectors) if any(map(math.isnan, vector)))
        raise ValueError(f"point {index} has a metric that is not a number")
    return vectors


def dominates(point: Sequence[float], other: Sequence[float], directions: Sequence[str]) -> bool:
    """Whether `point` dominates `other`."""
    first, second = oriented([point, other], directions)
    return first != second and all(a <= b for a, b in zip(first, second, strict=True))


def front(values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[bool]:
    """Return whether each point is on the front; equal points do not dominate each other.

    Raises:
        ValueError: see `oriented`.
    """
    points = oriented(values, directions)
    edge = _Staircase() if len(directions) <= _SPACE else _Front()
    # In lexicographic order, later points never dominate earlier ones, so the first metric is not compared again.
    kept = {point for point in sorted(set(points)) if edge.add(point[1:])}
    return [point in kept for point in points]


def fronts(groups: Sequence[Hashable], values: Iterable[Sequence[float]], directions: Sequence[str]) -> list[bool]:
    """Return whether each point is on the front of its group; points of different groups are never compared.

    Args:
        groups: the group of each point.
        values: the metrics of each point.
        directions: "min" or "max" for each metric.

    Raises:
        ValueError: see `oriented`.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    points, keeps = list(values), [False] * len(groups)
    for indices in members.values():
        for index, keep in zip(indices, front([points[i] for i in indices], directions), strict=True):
            keeps[index] = keep
    return keeps


class _Front:
    """The front of the points added so far, without their first metric."""

    def __init__(self) -> None:
        self._kept: list[Vector] = []

    def add(self, rest: Vector) -> bool:
        """Add a point's other metrics, unless a point is at least as good; return whether they were added."""
        if any(all(old <= new for old, new in zip(point, rest, strict=True)) for point in self._kept):
            return False
        self._kept = [point for point in self._kept if any(old < new for old, new in zip(point, rest, strict=True))]
        self._kept.append(rest)
        return True


class _Staircase(_Front):
    """The same for one or two other metrics: points sorted by one, and so by the other, found by bisection."""

    def __init__(self) -> None:
        super().__init__()
        self._first: list[float] = []
        self._second: list[float] = []

    def add(self, rest: Vector) -> bool:
        first, second = (*rest, 0.0)[:2]
        place = bisect_right(self._first, first)
        if place and self._second[place - 1] <= second:
            return False
        begin = place - 1 if place and self._first[place - 1] == first else place
        end = begin
        while end < len(self._second) and self._second[end] >= second:
            end += 1
        self._first[begin:end], self._second[begin:end] = [first], [second]
        return True


def hypervolume(values: Iterable[Sequence[float]], reference: Sequence[float], directions: Sequence[str]) -> float:
    """Return the volume that the points dominate within a reference point, in the product of the metrics' units.

    Points that are not better than the reference in every metric add nothing. The cost grows with the front's size to
    the power of the number of metrics - 1.

    Raises:
        ValueError: see `oriented`.
    """
    points, (bound,) = oriented(values, directions), oriented([reference], directions)
    return _volume([point for point in points if all(v < b for v, b in zip(point, bound, strict=True))], bound)


def _volume(points: list[tuple[float, ...]], bound: tuple[float, ...]) -> float:
    volume, top = 0.0, bound[-1]
    if len(bound) == _PLANE:
        for first, second in sorted(points):
            if second < top:
                volume, top = volume + (bound[0] - first) * (top - second), second
        return volume
    keeps = front(points, ("min",) * len(bound))
    kept = sorted((point for point, keep in zip(points, keeps, strict=True) if keep), key=lambda point: point[-1])
    # Between two values of the last metric, the points so far dominate a constant volume of the other metrics.
    for count, (*_, value) in enumerate(kept, 1):
        depth = (kept[count][-1] if count < len(kept) else top) - value
        if depth > 0:
            volume += depth * _volume([point[:-1] for point in kept[:count]], bound[:-1])
    return volume
