"""How marks look: colours that the colour-blind tell apart (Okabe and Ito), and a shape for each standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlperf_home.pictures.picture import Mark, Picture


@dataclass(frozen=True)
class Look:
    """A kind of mark: its words, colour, and shape as Matplotlib and as Plotly name it."""

    words: str
    colour: str
    shape: str
    symbol: str


# By whether it was imported, and the standing; drawn in this order, so that the front lies on top.
LOOKS = {
    (True, "dropped"): Look("imported, dominated", "#bbbbbb", "s", "square-open"),
    (True, "front"): Look("imported, front", "#56b4e9", "s", "square"),
    (False, "dropped"): Look("dominated", "#888888", "x", "x"),
    (False, "undecided"): Look("undecided", "#e69f00", "D", "diamond-open"),
    (False, "front"): Look("front", "#0072b2", "o", "circle"),
}
SAMPLE = "SAMPLE, no MLPerf results"


def kind(mark: Mark) -> tuple[bool, str]:
    """Give the key of a mark's look."""
    return mark.imported, mark.standing


def heading(picture: Picture) -> str:
    """Give the title, marked where results are samples: all of them, or this machine's beside imported ones."""
    if not picture.sample:
        return picture.title
    partly = "" if all(mark.sample for mark in picture.marks) else "PARTLY "
    return f"{partly}{SAMPLE}: {picture.title}"
