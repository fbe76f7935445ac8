"""Which axes of a space are options of an engine, and how a point's values go into a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError, parse_lengths
from mlperf_home.exploration.definition.space import Point, Setting, Space, SpaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


BACKEND = "backend"
_COUNTS = ("threads", "batch", "streams", "cores")
_TOGGLES = {"yes": True, "no": False}

OPTION_AXES = (BACKEND, *_COUNTS, "xnnpack", "delegate", "lengths")
"""An axis of one of these names sets an option of the engine; null leaves the option to the engine. Others name models.

backend: the engine's name; threads: of one call; batch: samples of one call; streams: calls at the same time; cores:
that the engine may use; xnnpack: yes or no; delegate: a library; lengths: buckets of sequences, such as "64,128,384".
"""


def check_axes(space: Space, where: str) -> None:
    """Refuse values that no engine could take.

    Raises:
        SpaceError: the text names the axis and the value.
    """
    for axis in set(space.axes) & set(OPTION_AXES):
        for value in space.axes[axis]:
            wanted = _wanted(axis, value)
            if wanted:
                raise SpaceError(f"{where}: axes/{axis}", f"{value!r} is not {wanted}", "correct the value")


def _wanted(axis: str, value: Setting) -> str:
    """Return what a value should have been; empty where it is right."""
    if value is None:
        return ""
    if axis in _COUNTS:
        return "" if isinstance(value, int) and value > 0 else "a whole number above 0"
    if axis == "xnnpack":
        return "" if value in _TOGGLES else "yes or no"
    if axis == "lengths":
        try:
            parse_lengths(str(value))
        except BackendError as error:
            return f"a list of lengths ({error})"
    return "" if isinstance(value, str) and value else "a text"


def options_of(point: Point) -> dict[str, Setting]:
    """Return the point's values on the engine's axes that it does not leave to the engine."""
    return {axis: point.values[axis] for axis in OPTION_AXES if point.values.get(axis) is not None}


def option_words(point: Point) -> str:
    """Name the point's options for the name of a system's configuration, the backend apart; empty without any."""
    options = options_of(point)
    return "-".join(f"{axis}_{str(value).replace(',', '_')}" for axis, value in options.items() if axis != BACKEND)


def backend_job(point: Point, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a job that a point's options decide: engine options, lengths, batch_sizes, streams, cores."""
    given = options_of(point)
    own: dict[str, Callable[[Any], Any]] = {"threads": int, "xnnpack": _TOGGLES.__getitem__, "delegate": str}
    return {
        "options": {**options, **{name: made(given[name]) for name, made in own.items() if name in given}},
        "lengths": list(parse_lengths(str(given["lengths"]))) if "lengths" in given else None,
        "batch_sizes": [given["batch"]] if "batch" in given else None,
        "streams": given.get("streams"),
        "cores": given.get("cores"),
    }
