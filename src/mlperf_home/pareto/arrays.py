"""Dominance, fronts and hypervolumes of points with two or more metrics.

A point dominates another if it is at least as good in every metric and better in one; the front is what no point
dominates. The hypervolume is the measure of what the front dominates within a reference point (Zitzler and Thiele,
"Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto approach", 1999).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

DIRECTIONS = ("min", "max")
"""Whether less or more of a metric is better."""


def oriented(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.float64]:
    """Turn metrics so that less is better in each.

    Args:
        values: shape (points, metrics).
        directions: one of DIRECTIONS for each metric.

    Returns:
        A copy of the same shape.

    Raises:
        ValueError: another shape, fewer than two metrics, an unknown direction, or a value that is not a number.
    """
    table = np.array(values, dtype=np.float64)
    odd = [each for each in directions if each not in DIRECTIONS]
    if odd:
        raise ValueError(f"a direction is min or max, got {odd[0]!r}")
    if len(directions) < 2:  # noqa: PLR2004 - one metric has a best point, no front
        raise ValueError("a front needs two metrics or more")
    if table.ndim != 2 or table.shape[1] != len(directions):  # noqa: PLR2004 - points by metrics
        raise ValueError(f"expected values of shape (points, {len(directions)}), got {table.shape}")
    if np.isnan(table).any():
        raise ValueError(f"point {int(np.isnan(table).any(axis=1).argmax())} has a metric that is not a number")
    table *= np.where(np.array(directions) == "max", -1.0, 1.0)
    return table


def dominates(one: ArrayLike, other: ArrayLike, directions: Sequence[str]) -> bool:
    """Say whether one point dominates another; shapes (metrics,)."""
    first, second = oriented(np.stack([np.asarray(one), np.asarray(other)]), directions)
    return bool((first <= second).all() and (first < second).any())


def front(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.bool_]:
    """Mark what no point dominates; equal points do not dominate each other.

    Args:
        values: shape (points, metrics).
        directions: one of DIRECTIONS for each metric.

    Returns:
        Shape (points,).
    """
    table = oriented(values, directions)
    if not len(table):
        return np.zeros(0, dtype=np.bool_)
    return _plane_front(table) if table.shape[1] == 2 else _culled_front(table)  # noqa: PLR2004 - a plane


def _plane_front(table: NDArray[np.float64]) -> NDArray[np.bool_]:
    """One sort: a point stays if it is the lowest of its column, and lower than all columns before it."""
    _, column = np.unique(table[:, 0], return_inverse=True)
    lowest = np.full(column.max() + 1, np.inf)
    np.minimum.at(lowest, column, table[:, 1])
    before = np.concatenate(([np.inf], np.minimum.accumulate(lowest)[:-1]))
    keeps: NDArray[np.bool_] = (table[:, 1] == lowest[column]) & (lowest < before)[column]
    return keeps


def _culled_front(table: NDArray[np.float64]) -> NDArray[np.bool_]:
    """In lexicographic order nothing is dominated by what comes later: each first one is of the front, and culls."""
    order = np.lexsort(table.T[::-1])
    rest = table[order]
    keeps = np.zeros(len(table), dtype=np.bool_)
    while len(rest):
        first = rest[0]
        equal = (rest == first).all(axis=1)
        keeps[order[equal]] = True
        survives = (rest < first).any(axis=1)
        rest, order = rest[survives], order[survives]
    return keeps


def hypervolume(values: ArrayLike, reference: ArrayLike, directions: Sequence[str]) -> float:
    """Measure what the points dominate within a reference point.

    Args:
        values: shape (points, metrics).
        reference: shape (metrics,), the worst that counts; points that are not better in every metric add nothing.
        directions: one of DIRECTIONS for each metric.

    Returns:
        The volume, in the product of the metrics' units. Cost grows with the front's size to the power of metrics - 1.
    """
    points = np.asarray(values, dtype=np.float64)
    if not len(points):
        return 0.0
    table, bound = oriented(points, directions), oriented(np.asarray(reference)[np.newaxis], directions)[0]
    table = table[(table < bound).all(axis=1)]
    if not len(table):
        return 0.0
    return _volume(table, bound)


def _volume(table: NDArray[np.float64], bound: NDArray[np.float64]) -> float:
    if table.shape[1] == 2:  # noqa: PLR2004 - a plane
        edge = table[_plane_front(table)]
        edge = edge[np.argsort(edge[:, 0], kind="stable")]
        heights = np.concatenate(([bound[1]], edge[:-1, 1])) - edge[:, 1]
        return float(((bound[0] - edge[:, 0]) * heights).sum())
    edge = table[_culled_front(table)]
    edge = edge[np.argsort(edge[:, -1], kind="stable")]
    depths = np.append(edge[1:, -1], bound[-1]) - edge[:, -1]
    # Between two steps of the last metric, what has come so far dominates the same area in the others.
    return sum(
        float(depth) * _volume(edge[: count + 1, :-1], bound[:-1]) for count, depth in enumerate(depths) if depth > 0
    )
