"""A picture as a document: two axes, and marks in their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlperf_home.contracts.codec import OpenDocument
from scriptgraph.files.json_reader import Limits

SAMPLE = "SAMPLE, no MLPerf results"
PICTURE_LIMITS = Limits(size=128 << 20, depth=8, values=4_000_000)
"""A mark has some twenty values: a hundred thousand of them, ten times what all rounds have published."""

Interval = tuple[float, float]


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
    """What is drawn; `notes` are sentences below it, `schema` is this document's."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()
    schema: Literal[1] = 1

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


class PictureDrawn(OpenDocument, tag_field="event", tag="drawn"):
    """The line that a drawing prints for its parent: how many marks it has, and how many are of a front."""

    marks: int
    front: int
