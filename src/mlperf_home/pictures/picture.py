"""Pictures of two axes and marks: reading and writing, the look of marks, and the marks of the front."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode, read_document
from mlperf_home.contracts.studies.picture import PICTURE_LIMITS, Axis, Picture
from mlperf_home.errors import LocatedError
from mlperf_home.pareto.front import fronts
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

STANDINGS = ("front", "undecided", "dropped")
"""On the front, not distinguished from other points by a race, dominated."""

_UNITS = {"ms": "ms", "percent": "%", "j": "J", "mj": "mJ", "s": "s", "mhz": "MHz", "bytes": "bytes"}
_WORDS = {
    "ms": "milliseconds", "%": "percent", "J": "joules", "mJ": "millijoules", "s": "seconds", "MHz": "megahertz",
    "bytes": "bytes",
}  # fmt: skip
_MORE_IS_BETTER = ("top1_percent", "f1_percent", "exact_match_percent")
_RATES = "_per_second"


class PictureError(LocatedError):
    """There is nothing to draw, or a file cannot be read."""


@dataclass(frozen=True)
class Look:
    """The look of a kind of marks: the label, Matplotlib's name of the shape, and whether the shape is filled."""

    label: str
    shape: str
    filled: bool = False


# By Mark.kind, in the order of drawing: the front lies on top.
LOOKS = {
    (True, "dropped"): Look("imported, dominated", "s"),
    (True, "undecided"): Look("imported, undecided", "d"),
    (True, "front"): Look("imported, front", "s", filled=True),
    (False, "dropped"): Look("dominated", "o"),
    (False, "undecided"): Look("undecided", "D"),
    (False, "front"): Look("front", "o", filled=True),
}


def axis(metric: str) -> Axis:
    """Return the axis of a metric; of accuracies and rates, more is better."""
    better = "max" if metric in _MORE_IS_BETTER or metric.endswith(_RATES) else "min"
    quantity, _, unit = metric.rpartition("_")
    if metric.endswith(_RATES) or unit not in _UNITS:
        return Axis(metric, metric.replace("_", " "), better)
    name = {"top1": "top-1 accuracy", "f1": "F1", "exact_match": "exact match"}.get(
        quantity, quantity.replace("_", " ")
    )
    return Axis(metric, f"{name} ({_UNITS[unit]})", better)


def unit_of(metric: Axis) -> str:
    """Return the unit of an axis: "ms"; "per second" of a rate, "" if it has none."""
    if metric.name.endswith(_RATES):
        return "per second"
    return _UNITS.get(metric.name.rpartition("_")[2], "")


def in_words(metric: Axis) -> str:
    """Return the label of an axis with its unit in words: "latency in milliseconds"."""
    unit = unit_of(metric)
    return metric.label.replace(f" ({unit})", f" in {_WORDS[unit]}") if unit in _WORDS else metric.label


def caption_in_words(metric: Axis) -> str:
    """Return the label in words, with whether less or more is better."""
    return f"{in_words(metric)}, {'less' if metric.direction == 'min' else 'more'} is better"


def to_json(picture: Picture) -> str:
    """Return a picture as JSON text; equal pictures have equal texts."""
    return json.dumps(encode(picture), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_picture(path: Path) -> Picture:
    """Read a picture from a file. Raise PictureError if it is not a picture."""
    try:
        return read_document(path, Picture, PICTURE_LIMITS)
    except DocumentError as error:
        raise PictureError(path, f"is not a picture ({error.fault})", "create it again") from None


def with_fronts(picture: Picture) -> Picture:
    """Return the picture with each front, by the values of all marks that it is of."""
    marks, directions = picture.marks, (picture.x.direction, picture.y.direction)
    keeps = fronts([mark.front for mark in marks], [(mark.x, mark.y) for mark in marks], directions)
    return replace(picture, marks=tuple(map(lambda mark, keep: replace(mark, on_front=keep), marks, keeps)))
