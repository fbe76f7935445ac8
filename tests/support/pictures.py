"""A made-up picture: this machine's points with intervals and standings, and imported ones."""

from __future__ import annotations

from typing import Any

from mlperf_home.contracts.studies.picture import Mark, Picture
from mlperf_home.pictures.picture import axis

HOSTILE = "</script><script>document.title='broken'</script>"


def mark(name: str, x: float, y: float, judged: str = "", **changes: Any) -> Mark:
    usual = {"x_interval": None, "y_interval": None, "system": "here", "imported": False, "sample": True, "facts": {}}
    made = {**usual, "front": "world" if changes.get("imported") else "mine", "on_front": False, **changes}
    return Mark(name=name, x=x, y=y, judged=judged, **made)


def picture(*marks: Mark, **changes: Any) -> Picture:
    usual = {"title": "fronts", "x": axis("latency_ms"), "y": axis("top1_percent"), "notes": ("a note",)}
    return Picture(marks=marks, **{**usual, **changes})


def example() -> Picture:
    there = {"imported": True, "sample": False, "system": "elsewhere"}
    return picture(
        mark("small", 0.1, 80.4, "front", x_interval=(0.09, 0.12), y_interval=(79, 81), facts={"precision": "int8"}),
        mark("large", 0.6, 93.1, "front", facts={"precision": "float"}),
        mark("open", 0.3, 88, "undecided", x_interval=(0.25, 0.35), facts={"precision": "float"}),
        mark(HOSTILE, 0.5, 79, "dropped", facts={"precision": "int8"}),
        mark("world", 0.05, 70, **there, facts={"precision": "int8"}),
        mark("slow", 5, 69, **there, facts={"precision": "int8"}),
    )
