"""A picture as data: two axes and marks, how marks look, and which are of the front."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.pareto.front import front
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
STANDINGS = ("front", "undecided", "dropped")
"""Nothing dominates it; not told apart from others; dominated."""

Interval = tuple[float, float]
_UNITS = {"ms": "ms", "percent": "%", "j": "J", "mj": "mJ", "s": "s", "mhz": "MHz", "bytes": "bytes"}
_MORE_IS_BETTER = ("top1_percent", "f1_percent", "exact_match_percent")
_RATES = "_per_second"
SAMPLE = "SAMPLE, no MLPerf results"


class PictureError(LocatedError):
    """There is nothing to draw, or it cannot be read."""


@dataclass(frozen=True)
class Axis:
    """A metric on an axis: its name with unit (latency_ms), the same for people, and what is better: "min" or "max"."""

    name: str
    label: str
    direction: str

    @property
    def words(self) -> str:
        """Its label, and whether less or more is better."""
        return f"{self.label}, {'less' if self.direction == 'min' else 'more'} is better"


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


@dataclass(frozen=True)
class Measured:
    """One thing that was measured.

    Attributes:
        name: the model, or the point of a space.
        standing: one of STANDINGS, or "" where the drawing is to compare it with the others of its kind.
        imported: whether it was measured elsewhere, not by this installation.
        sample: whether it was made with sample data: no MLPerf result.
        facts: what else there is to tell and to filter by: family, precision, engine, origin of the values.
    """

    name: str
    standing: str
    system: str
    imported: bool
    sample: bool
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Mark(Measured):
    """One point of a picture, in the units of its axes; an interval is (low, high), or None where none is known."""

    x: float
    y: float
    x_interval: Interval | None
    y_interval: Interval | None

    @property
    def kind(self) -> tuple[bool, str]:
        """The key of its look: whether it was imported, and its standing."""
        return self.imported, self.standing


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

    @property
    def heading(self) -> str:
        """The title, marked where results are samples: all of them, or this machine's beside imported ones."""
        if not self.sample:
            return self.title
        partly = "" if all(mark.sample for mark in self.marks) else "PARTLY "
        return f"{partly}{SAMPLE}: {self.title}"

    def staircase(self, *, imported: bool) -> list[Mark]:
        """Return the front's marks of this machine, or of the imported, by x."""
        front = [mark for mark in self.marks if mark.kind == (imported, "front")]
        return sorted(front, key=lambda mark: (mark.x, mark.y))


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


def from_json(text: str | bytes, where: str) -> Picture:
    """Read a picture. Raise PictureError if it is not JSON, of another schema, or has odd keys."""
    try:
        document: dict[str, Any] = parse_json(text, where)
        if document.pop("schema") != SCHEMA:
            raise PictureError(where, f"is no picture of schema {SCHEMA}", "make it again")
        marks = tuple(
            Mark(**mark | {key: tuple(mark[key]) if mark[key] else None for key in ("x_interval", "y_interval")})
            for mark in document.pop("marks")
        )
        x, y = Axis(**document.pop("x")), Axis(**document.pop("y"))
        return Picture(x=x, y=y, marks=marks, title=document["title"], notes=tuple(document["notes"]))
    except DocumentError as error:
        raise PictureError(where, f"is no picture ({error.problem})", "make it again") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise PictureError(where, f"is no picture ({error})", "make it again") from None


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
