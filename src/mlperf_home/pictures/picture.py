"""A picture as data: two axes and marks, before anything is drawn."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
STANDINGS = ("front", "undecided", "dropped")
"""Nothing dominates it; not told apart from others; dominated."""

Interval = tuple[float, float]
_UNITS = {"ms": "ms", "percent": "%", "j": "J", "mj": "mJ", "s": "s", "mhz": "MHz", "bytes": "bytes"}
_MORE_IS_BETTER = ("top1_percent", "f1_percent", "exact_match_percent")
_RATES = "_per_second"


class PictureError(LocatedError):
    """There is nothing to draw, or it cannot be read."""


@dataclass(frozen=True)
class Axis:
    """A metric on an axis.

    Attributes:
        name: the metric, with its unit: latency_ms.
        label: the same for people.
        direction: "min" or "max": whether less or more is better.
    """

    name: str
    label: str
    direction: str


@dataclass(frozen=True)
class Mark:
    """One point of a picture.

    Attributes:
        name: the model, or the point of a space.
        x: in the unit of its axis.
        y: in the unit of its axis.
        x_interval: (low, high), None where none is known.
        y_interval: the same.
        standing: one of STANDINGS, or "" where the drawing is to compare it with the others of its kind.
        system: the machine.
        imported: whether it was measured elsewhere, not by this installation.
        sample: whether it was made with sample data: no MLPerf result.
        facts: what else there is to tell and to filter by: family, precision, engine, origin of the values.
    """

    name: str
    x: float
    y: float
    x_interval: Interval | None
    y_interval: Interval | None
    standing: str
    system: str
    imported: bool
    sample: bool
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """What is drawn; `notes` are sentences below it."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()

    @property
    def sample(self) -> bool:
        """Whether any of it is no MLPerf result."""
        return any(mark.sample for mark in self.marks)


def axis(metric: str) -> Axis:
    """Make the axis of a metric from its name: accuracies and rates are better when they are more."""
    better = "max" if metric in _MORE_IS_BETTER or metric.endswith(_RATES) else "min"
    words, _, unit = metric.rpartition("_")
    if metric.endswith(_RATES) or unit not in _UNITS:
        return Axis(metric, metric.replace("_", " "), better)
    name = {"top1": "top-1 accuracy", "f1": "F1", "exact_match": "exact match"}.get(words, words.replace("_", " "))
    return Axis(metric, f"{name} ({_UNITS[unit]})", better)


def to_json(picture: Picture) -> str:
    """Write a picture as JSON text, the same for the same picture."""
    document = {"schema": SCHEMA, **asdict(picture)}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str, where: str) -> Picture:
    """Read a picture.

    Raises:
        PictureError: not JSON, another schema, or a key that is missing, unknown or malformed.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("schema") != SCHEMA:
            raise PictureError(where, f"is no picture of schema {SCHEMA}", "make it again")
        marks = tuple(Mark(**_with_intervals(mark)) for mark in document.pop("marks"))
        x, y = Axis(**document.pop("x")), Axis(**document.pop("y"))
        return Picture(x=x, y=y, marks=marks, title=document["title"], notes=tuple(document["notes"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PictureError(where, f"is no picture ({error})", "make it again") from None


def _with_intervals(mark: dict[str, Any]) -> dict[str, Any]:
    intervals = {key: tuple(mark[key]) if mark[key] else None for key in ("x_interval", "y_interval")}
    return {**mark, **intervals}
