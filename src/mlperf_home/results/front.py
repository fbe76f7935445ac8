"""Fronts without NumPy, for a program that has to start fast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    points = [tuple(sign * value for sign, value in zip(signs, each, strict=True)) for each in values]
    keeps = [False] * len(points)
    kept: list[tuple[float, ...]] = []
    # In lexicographic order nothing is dominated by what comes later.
    for place in sorted(range(len(points)), key=points.__getitem__):
        point = points[place]
        if (kept and kept[-1] == point) or not any(_covers(each, point) for each in kept):
            keeps[place] = True
            kept.append(point)
    return keeps


def _covers(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(first <= second for first, second in zip(one, other, strict=True))
