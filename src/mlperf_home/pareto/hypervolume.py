"""The hypervolume: the measure of what a front dominates within a reference point.

Source: Zitzler and Thiele, "Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto
approach", 1999.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.pareto.front import front, oriented

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLANE = 2


def hypervolume(values: Iterable[Sequence[float]], reference: Sequence[float], directions: Sequence[str]) -> float:
    """Measure what the points dominate within a reference point.

    Args:
        values: points with a number for each direction.
        reference: the worst that counts; points that are not better in every metric add nothing.
        directions: "min" or "max" for each metric.

    Returns:
        The volume, in the product of the metrics' units. Cost grows with the front's size to the power of metrics - 1.

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
