"""A front as a picture: the places of marks and of the front's line, for an SVG that is part of a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.leaderboard.answer.groups import accuracy_of
from mlperf_home.leaderboard.answer.recommendation import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.answer.choices import RankedChoice

WIDTH, HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 44
_MARGIN = 0.04
_STEPS = (1, 2, 5)
_LINES = 5


class PlacedMark(NamedTuple):
    """A choice with the place of its mark, and of the ends of its interval, in pixels."""

    row: int
    words: str
    looks: str
    x: float
    y: float
    low_x: float
    high_x: float
    on_front: bool


class Tick(NamedTuple):
    """A line of an axis with its text."""

    place: float
    text: str


@dataclass(frozen=True)
class FrontPicture:
    """The places in a picture of time, on a logarithmic axis, and accuracy."""

    marks: tuple[PlacedMark, ...]
    line: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left_out: int
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = HEIGHT - _BOTTOM
    left: int = _LEFT


def front_picture(ranked: Sequence[RankedChoice], front: Sequence[RankedChoice], most: int) -> FrontPicture | None:
    """Return the picture of a group: its front, and the fastest of the others; None if no choice has both values.

    Args:
        ranked: the choices of one group; the number of a mark's row is its place here.
        front: those on the group's front.
        most: the most marks.
    """
    best = {id(each) for each in front}
    known = [
        (row, each, time_ms, found[1])
        for row, each in enumerate(ranked, 1)
        if (time_ms := each.time_ms) and (found := accuracy_of(each)) is not None
    ]
    if not known:
        return None
    kept = sorted(known, key=lambda mark: (id(mark[1]) not in best, mark[0]))[:most]
    times = [bound for _, each, time_ms, _ in kept for bound in _interval(each, time_ms)]
    x_of = _scale([math.log10(time_ms) for time_ms in times], _LEFT, WIDTH - _RIGHT)
    y_of = _scale([percent for *_, percent in kept], HEIGHT - _BOTTOM, _TOP)
    marks = []
    for row, each, time_ms, percent in sorted(kept, key=lambda mark: id(mark[1]) in best):
        low, high = (x_of(math.log10(bound)) for bound in _interval(each, time_ms))
        x, y = x_of(math.log10(time_ms)), y_of(percent)
        words = f"{each.key.model} on {each.key.cpu}: {facts(each)}"
        marks.append(PlacedMark(row, words, f"{each.origin} {each.state}", x, y, low, high, id(each) in best))
    return FrontPicture(
        marks=tuple(marks),
        line=_staircase([each for each in marks if each.on_front]),
        x_ticks=tuple(Tick(x_of(math.log10(value)), f"{value:g}") for value in _decades(min(times), max(times))),
        y_ticks=tuple(Tick(y_of(value), f"{value:g}") for value in _even([percent for *_, percent in kept])),
        left_out=len(known) - len(kept),
    )


def _interval(choice: RankedChoice, time_ms: float) -> tuple[float, float]:
    amount = choice.amounts.get("latency_ms")
    return (amount.low, amount.high) if amount and 0 < amount.low <= amount.high else (time_ms, time_ms)


class _Scale(NamedTuple):
    """A linear map from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values), max(values)
    room = (high - low or 1.0) * _MARGIN
    return _Scale(low - room, high + room, start, end)


def _staircase(front: Sequence[PlacedMark]) -> str:
    """Return the front as steps: between two of its marks, only the worse value is reached."""
    places = sorted((mark.x, mark.y) for mark in front)
    path = [f"M{x:g} {y:g}" if not number else f"H{x:g}V{y:g}" for number, (x, y) in enumerate(places)]
    return "".join(path)


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [step * 10.0**power for power in range(first, last + 1) for step in _STEPS]
    return [value for value in every if low <= value <= high]


def _even(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    power = 10.0 ** math.floor(math.log10((high - low or 1.0) / _LINES))
    step = next(power * each for each in (*_STEPS, 10) if (high - low or 1.0) / (power * each) <= _LINES)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
