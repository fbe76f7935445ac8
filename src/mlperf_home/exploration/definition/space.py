"""Spaces of points: axes, their values, and the constraints between them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.studies.space import AxisValue, AxisValues, SpaceConstraint, SpaceDocument
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_POINTS = 100_000
_ADVICE = "correct it; docs/exploration.md shows the format"


class SpaceError(LocatedError):
    """A JSON document is not a space, or has no points."""


@dataclass(frozen=True)
class Point:
    """One choice of a value on every axis.

    Attributes:
        name: the values joined by "/", unique in the space; values that do not affect the accuracy as "threads=2".
        values: the value by axis; None where the axis does not apply.
        model: the values of the axes that determine the accuracy; points of one model are equally accurate.
    """

    name: str
    values: Mapping[str, AxisValue]
    model: str


@dataclass(frozen=True)
class Space:
    """Axes and the points that satisfy the constraints, in the order of the axes' values."""

    name: str
    axes: Mapping[str, tuple[AxisValue, ...]]
    points: tuple[Point, ...]


def decode_space(value: Any, where: str) -> SpaceDocument:
    """Decode a space from JSON. Raise SpaceError if a key is missing, unknown or of another type."""
    try:
        axes = value.get("axes") if isinstance(value, dict) else None
        for axis, values in axes.items() if isinstance(axes, dict) else ():
            # Each axis alone, so that an error names the axis.
            decode(values, AxisValues, f"{where}: axes/{axis}")
        return decode(value, SpaceDocument, where)
    except DocumentError as error:
        place = f"{error.where}#{error.pointer}" if error.pointer else error.where
        raise SpaceError(place, error.problem, _ADVICE) from None


def make_space(document: SpaceDocument, where: str) -> Space:
    """Return a space with its points. Raise SpaceError if a constraint does not match the axes, or no point is left."""
    axes = document.axes
    for axis, values in axes.items():
        if len(set(values)) != len(values):
            raise SpaceError(f"{where}: axes/{axis}", "has a value twice", "remove one")
    for axis in document.model_axes:
        _check_axis(axis, axes, f"{where}: model_axes")
    for constraint in document.constraints:
        _check_constraint(constraint, axes, f"{where}: constraints")
    size = math.prod(len(values) for values in axes.values())
    if size > MOST_POINTS:
        raise SpaceError(where, f"has {size} combinations, more than {MOST_POINTS}", "remove values from its axes")
    points = tuple(_points(document))
    if not points:
        raise SpaceError(where, "its constraints leave no point", "remove a constraint, or allow more values")
    return Space(document.name, axes, points)


def _points(document: SpaceDocument) -> Iterator[Point]:
    model_axes = document.model_axes
    for combination in itertools.product(*document.axes.values()):
        values = dict(zip(document.axes, combination, strict=True))
        if all(_fits(values, each.only) for each in document.constraints if _fits(values, each.when)):
            labels = {axis: v if axis in model_axes or v is None else f"{axis}={v}" for axis, v in values.items()}
            yield Point(_join(labels, list(document.axes)), values, _join(values, model_axes))


def _check_axis(axis: str, axes: Mapping[str, object], place: str) -> None:
    if axis not in axes:
        raise SpaceError(place, f"there is no axis {axis!r}", f"use one of {', '.join(axes)}")


def _check_constraint(constraint: SpaceConstraint, axes: Mapping[str, Sequence[AxisValue]], place: str) -> None:
    for axis, values in (*constraint.when.items(), *constraint.only.items()):
        _check_axis(axis, axes, place)
        for value in values:
            if value not in axes[axis]:
                raise SpaceError(place, f"axis {axis!r} has no value {value!r}", "use a value of the axis")


def _fits(values: Mapping[str, AxisValue], allowed: Mapping[str, Sequence[AxisValue]]) -> bool:
    return all(values[axis] in choices for axis, choices in allowed.items())


def _join(values: Mapping[str, AxisValue], axes: Sequence[str]) -> str:
    return "/".join(str(values[axis]) for axis in axes if values[axis] is not None)
