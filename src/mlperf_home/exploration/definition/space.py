"""A space of points as data: axes, their values, and which values go together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.space import AxisValue, AxisValues, SpaceConstraint, SpaceDocument
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_POINTS = 100_000
_ADVICE = "write it as docs/exploration.md shows"


class SpaceError(LocatedError):
    """A JSON document is no space, or holds no point."""


@dataclass(frozen=True)
class Point:
    """One choice of a value on every axis.

    Attributes:
        name: the values joined by "/", unique in its space; what does not decide the accuracy as "threads=2".
        values: the value by axis; None where the axis does not apply.
        model: the values of the axes that decide the accuracy; points with the same model are equally accurate.
    """

    name: str
    values: Mapping[str, AxisValue]
    model: str


@dataclass(frozen=True)
class Space:
    """Axes, constraints, and the points that they leave, in the order of the axes' values."""

    name: str
    axes: Mapping[str, tuple[AxisValue, ...]]
    points: tuple[Point, ...]


def decode_space(value: Any, where: str) -> SpaceDocument:
    """Decode a space from JSON. Raise SpaceError if a key is missing, unknown or of another form."""
    try:
        axes = value.get("axes") if isinstance(value, dict) else None
        for axis, values in axes.items() if isinstance(axes, dict) else ():
            # One by one, so that a fault names its axis.
            decode(values, AxisValues, f"{where}: axes/{axis}")
        return decode(value, SpaceDocument, where)
    except DocumentError as error:
        place = f"{error.where}#{error.pointer}" if error.pointer else error.where
        raise SpaceError(place, error.problem, _ADVICE) from None


def make_space(document: SpaceDocument, where: str) -> Space:
    """Return the points of a space. Raise SpaceError if axes and constraints do not fit, or no point is left."""
    axes = document.axes
    for axis, values in axes.items():
        if len(set(values)) != len(values):
            raise SpaceError(f"{where}: axes/{axis}", "holds a value twice", "take one off")
    for axis in document.model_axes:
        _check_axis(axis, axes, f"{where}: model_axes")
    for each in document.constraints:
        _check_constraint(each, axes, f"{where}: constraints")
    size = math.prod(len(values) for values in axes.values())
    if size > MOST_POINTS:
        raise SpaceError(where, f"has {size} combinations, more than {MOST_POINTS}", "take values off its axes")
    points = tuple(_points(document))
    if not points:
        raise SpaceError(where, "its constraints leave no point", "loosen them")
    return Space(document.name, axes, points)


def _points(document: SpaceDocument) -> Iterator[Point]:
    model_axes = document.model_axes
    for combination in itertools.product(*document.axes.values()):
        values = dict(zip(document.axes, combination, strict=True))
        if all(_fits(values, each.only) for each in document.constraints if _fits(values, each.when)):
            named = {axis: v if axis in model_axes or v is None else f"{axis}={v}" for axis, v in values.items()}
            yield Point(_joined(named, list(document.axes)), values, _joined(values, model_axes))


def _check_axis(axis: str, axes: Mapping[str, object], place: str) -> None:
    if axis not in axes:
        raise SpaceError(place, f"there is no axis {axis!r}", f"use one of {', '.join(axes)}")


def _check_constraint(constraint: SpaceConstraint, axes: Mapping[str, Sequence[AxisValue]], place: str) -> None:
    for axis, values in (*constraint.when.items(), *constraint.only.items()):
        _check_axis(axis, axes, place)
        for value in values:
            if value not in axes[axis]:
                raise SpaceError(place, f"axis {axis!r} has no value {value!r}", "use a value of the axis")


def _fits(values: Mapping[str, AxisValue], wanted: Mapping[str, Sequence[AxisValue]]) -> bool:
    return all(values[axis] in allowed for axis, allowed in wanted.items())


def _joined(values: Mapping[str, AxisValue], axes: Sequence[str]) -> str:
    return "/".join(str(values[axis]) for axis in axes if values[axis] is not None)
