"""A picture as data: two axes and marks, how marks look, and which are of the front."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode_finite, read_document
from mlperf_home.contracts.picture import PICTURE_LIMITS, Axis, Picture
from mlperf_home.errors import LocatedError
from mlperf_home.pareto.front import front
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

STANDINGS = ("front", "undecided", "dropped")
"""Nothing dominates it; not told apart from others; dominated."""

_UNITS = {"ms": "ms", "percent": "%", "j": "J", "mj": "mJ", "s": "s", "mhz": "MHz", "bytes": "bytes"}
_MORE_IS_BETTER = ("top1_percent", "f1_percent", "exact_match_percent")
_RATES = "_per_second"


class PictureError(LocatedError):
    """There is nothing to draw, or it cannot be read."""


@dataclass(frozen=True)
class Look:
    """A kind of mark: its words, colour, and shape as Matplotlib and as Plotly name it."""

    words: str
    colour: str
    shape: str
    symbol: str


# By Mark.kind; drawn in this order, so that the front lies on top. The colours (Okabe and Ito) are ones that the
# colour-blind tell apart.
LOOKS = {
    (True, "dropped"): Look("imported, dominated", "#bbbbbb", "s", "square-open"),
    (True, "front"): Look("imported, front", "#56b4e9", "s", "square"),
    (False, "dropped"): Look("dominated", "#888888", "x", "x"),
    (False, "undecided"): Look("undecided", "#e69f00", "D", "diamond-open"),
    (False, "front"): Look("front", "#0072b2", "o", "circle"),
}


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
    return json.dumps(encode_finite(picture), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_picture(path: Path) -> Picture:
    """Read a picture from a file. Raise PictureError if it is none."""
    try:
        return read_document(path, Picture, PICTURE_LIMITS)
    except DocumentError as error:
        raise PictureError(path, f"is no picture ({error.fault})", "make it again") from None


def with_standings(picture: Picture) -> Picture:
    """Compare marks without a standing by their values: this machine's among themselves, imported ones likewise.

    An exploration's own words stay: it knows of noise, values alone do not.
    """
    standings: dict[int, str] = {}
    for imported in (False, True):
        own = {i: mark for i, mark in enumerate(picture.marks) if not mark.standing and mark.imported == imported}
        keeps = front([(mark.x, mark.y) for mark in own.values()], (picture.x.direction, picture.y.direction))
        standings |= {i: "front" if keep else "dropped" for i, keep in zip(own, keeps, strict=True)}
    marks = (replace(mark, standing=standings.get(i, mark.standing)) for i, mark in enumerate(picture.marks))
    return replace(picture, marks=tuple(marks))
