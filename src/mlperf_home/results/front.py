"""The front of two metrics without NumPy, for a program that has to start fast."""

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
