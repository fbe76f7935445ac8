"""A picture as a document: two axes, and marks in their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlperf_home.contracts.codec import OpenDocument
from mlperf_home.contracts.intervals import Interval
from scriptgraph.files.json_reader import Limits

SAMPLE = "SAMPLE, no MLPerf results"
PICTURE_LIMITS = Limits(size=128 << 20, depth=8, values=4_000_000)
"""Limits for 100,000 marks of some twenty values: ten times as many as all rounds have published."""


@dataclass(frozen=True)
class Axis:
    """A metric on an axis: its name with unit (latency_ms), its label for people, and its direction, "min" or "max"."""

    name: str
    label: str
    direction: str

    @property
    def caption(self) -> str:
        """The label, with whether less or more is better."""
        return f"{self.label}, {'less' if self.direction == 'min' else 'more'} is better"


@dataclass(frozen=True)
class MarkLabels:
    """The description of a mark, without its numbers.

    Attributes:
        name: the model, or the point of a space.
        front: in words, the marks that it is compared with: marks of different fronts are never compared.
        judged: the decision of the race that measured it, one of STANDINGS, or "".
        on_front: whether no mark of its front dominates it; false until the picture is drawn.
        system: the system's name in results.
        imported: whether it was measured elsewhere, not by this installation.
        sample: whether it was made with sample data: no MLPerf result.
        facts: more texts to show and to filter by: family, precision, engine, origin of the values.
    """

    name: str
    front: str
    judged: str
    on_front: bool
    system: str
    imported: bool
    sample: bool
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Mark(MarkLabels):
    """One point of a picture, in the units of its axes; an interval is (low, high), or None if unknown."""

    x: float
    y: float
    x_interval: Interval | None
    y_interval: Interval | None

    @property
    def standing(self) -> str:
        """One of STANDINGS: what a race could not decide stays undecided, all else is decided by values."""
        return "undecided" if self.judged == "undecided" else "front" if self.on_front else "dropped"

    @property
    def kind(self) -> tuple[bool, str]:
        """The kind of the mark: whether it was imported, and its standing."""
        return self.imported, self.standing


@dataclass(frozen=True)
class Picture:
    """A picture; `notes` are sentences below it, `schema` is the version of this format."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()
    schema: Literal[1] = 1

    @property
    def sample(self) -> bool:
        """Whether any mark was made with sample data."""
        return any(mark.sample for mark in self.marks)

    @property
    def heading(self) -> str:
        """The title, with a warning if all marks, or some of them, were made with sample data."""
        if not self.sample:
            return self.title
        partly = "" if all(mark.sample for mark in self.marks) else "PARTLY "
        return f"{partly}{SAMPLE}: {self.title}"

    def staircases(self) -> dict[str, list[Mark]]:
        """Return the marks of each front, sorted by x, imported fronts first; each gets a line of its own."""
        lines: dict[str, list[Mark]] = {}
        for mark in sorted(self.marks, key=lambda mark: (mark.x, mark.y)):
            if mark.on_front:
                lines.setdefault(mark.front, []).append(mark)
        return dict(sorted(lines.items(), key=lambda each: (not each[1][0].imported, each[0])))


class PictureDrawn(OpenDocument, tag_field="event", tag="drawn"):
    """The line that a drawing prints for its parent process: the numbers of all marks, and of those on a front."""

    marks: int
    front: int
