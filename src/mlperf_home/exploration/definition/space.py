"""A space of points as data: axes, their values, and which values go together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Setting = str | int | float | None
_Axes = dict[str, tuple[Setting, ...]]
_Rule = tuple[dict[str, list[Setting]], dict[str, list[Setting]]]
MOST_POINTS = 100_000
_SCHEMA = 1
_KEYS = {"schema", "name", "axes", "model_axes", "constraints"}


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
    values: Mapping[str, Setting]
    model: str


@dataclass(frozen=True)
class Space:
    """Axes, constraints, and the points that they leave, in the order of the axes' values."""

    name: str
    axes: Mapping[str, tuple[Setting, ...]]
    points: tuple[Point, ...]


def decode_space(document: Any, where: str) -> Space:
    """Make a space of decoded JSON. Raise SpaceError if a key is missing, unknown or malformed, or no point is left."""
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        raise SpaceError(where, f"is not a space of schema {_SCHEMA}", 'write an object with "schema": 1')
    if odd := sorted(document.keys() ^ _KEYS):
        raise SpaceError(where, f"keys missing or unknown: {', '.join(odd)}", f"give {', '.join(sorted(_KEYS))}")
    axes = _axes(document["axes"], where)
    model_axes = document["model_axes"]
    for axis in model_axes:
        _known(axis, axes, f"{where}: model_axes")
    constraints = [_constraint(each, axes, where) for each in document["constraints"]]
    size = math.prod(len(values) for values in axes.values())
    if size > MOST_POINTS:
        raise SpaceError(where, f"has {size} combinations, more than {MOST_POINTS}", "take values off its axes")
    points = []
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        if all(_fits(values, only) for when, only in constraints if _fits(values, when)):
            named = {axis: v if axis in model_axes or v is None else f"{axis}={v}" for axis, v in values.items()}
            points.append(Point(_joined(named, list(axes)), values, _joined(values, model_axes)))
    if not points:
        raise SpaceError(where, "its constraints leave no point", "loosen them")
    return Space(str(document["name"]), axes, tuple(points))


def _axes(given: Any, where: str) -> _Axes:
    if not isinstance(given, dict) or not given:
        raise SpaceError(f"{where}: axes", "is no object with an axis", "name an axis and list its values")
    for axis, values in given.items():
        place = f"{where}: axes/{axis}"
        if not isinstance(values, list) or not values:
            raise SpaceError(place, "is no list of values", "list its values")
        if any(isinstance(value, (dict, list, bool)) for value in values):
            raise SpaceError(place, "holds a value that is no text, number or null", "correct the value")
        if len(set(values)) != len(values):
            raise SpaceError(place, "holds a value twice", "take one off")
    return {axis: tuple(values) for axis, values in given.items()}


def _known(axis: str, axes: Mapping[str, Any], place: str) -> None:
    if axis not in axes:
        raise SpaceError(place, f"there is no axis {axis!r}", f"use one of {', '.join(axes)}")


def _constraint(given: Any, axes: _Axes, where: str) -> _Rule:
    place = f"{where}: constraints"
    if not isinstance(given, dict) or given.keys() != {"when", "only"}:
        raise SpaceError(place, f"{given!r} is no constraint", 'write {"when": {AXIS: [..]}, "only": {AXIS: [..]}}')
    for side in (given["when"], given["only"]):
        for axis, values in side.items():
            _known(axis, axes, place)
            for value in values:
                if value not in axes[axis]:
                    raise SpaceError(place, f"axis {axis!r} has no value {value!r}", "use a value of the axis")
    return given["when"], given["only"]


def _fits(values: Mapping[str, Setting], wanted: Mapping[str, list[Setting]]) -> bool:
    return all(values[axis] in allowed for axis, allowed in wanted.items())


def _joined(values: Mapping[str, Setting], axes: Sequence[str]) -> str:
    return "/".join(str(values[axis]) for axis in axes if values[axis] is not None)
