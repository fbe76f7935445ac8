"""What is of the front, among marks that no exploration has judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.pareto.front import front

if TYPE_CHECKING:
    from mlperf_home.pictures.picture import Mark, Picture


def with_standings(picture: Picture) -> Picture:
    """Compare marks without a standing by their values: this machine's among themselves, imported ones likewise.

    An exploration's own words stay: it knows of noise, values alone do not.
    """
    standings: dict[int, str] = {}
    for imported in (False, True):
        open_marks = [
            place for place, mark in enumerate(picture.marks) if not mark.standing and mark.imported == imported
        ]
        values = [(picture.marks[place].x, picture.marks[place].y) for place in open_marks]
        keeps = front(values, (picture.x.direction, picture.y.direction))
        standings |= {place: "front" if keep else "dropped" for place, keep in zip(open_marks, keeps, strict=True)}
    marks = (replace(mark, standing=standings.get(place, mark.standing)) for place, mark in enumerate(picture.marks))
    return replace(picture, marks=tuple(marks))


def staircase(picture: Picture, *, imported: bool) -> list[Mark]:
    """Give the front's marks of this machine, or of the imported, by x."""
    return sorted(
        (mark for mark in picture.marks if mark.standing == "front" and mark.imported == imported),
        key=lambda mark: (mark.x, mark.y),
    )
