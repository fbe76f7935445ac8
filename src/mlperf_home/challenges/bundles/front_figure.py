"""A small picture of a Pareto front as SVG, for a report: no script, no library, and the page's own colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.challenges.bundles.rendering import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 24, 52
_LETTER, _LINE = 6.6, 15  # the width of a letter and the height of a line, in the picture's units
_FEWEST, _MOST_NAMES, _LONGEST = 2, 16, 34


class FigurePoint(NamedTuple):
    """A point of a figure: its name, and its values on both axes."""

    name: str
    x: float
    y: float


def front_figure(points: Sequence[FigurePoint], x_label: str, y_label: str) -> str:
    """Return the picture of a front, its first axis logarithmic; "" if there are too few points that can be drawn."""
    shown = [each for each in points if each.x > 0 and math.isfinite(each.x) and math.isfinite(each.y)]
    if len(shown) < _FEWEST or len(shown) != len(points):
        return ""
    shown.sort(key=lambda each: each.x)
    places = _places(shown)
    # Between two points only the worse value is reached; a rate, of which more is better, falls from left to right.
    falls = shown[-1].y < shown[0].y
    steps = [f"M{places[0][0]} {places[0][1]}", *(f"V{y}H{x}" if falls else f"H{x}V{y}" for x, y in places[1:])]
    axes = f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts = [
        f'<path d="{axes}" fill="none" stroke="var(--line)"/>',
        f'<path d="{"".join(steps)}" fill="none" stroke="var(--mark)" stroke-width="1.5"/>',
        *(f'<circle cx="{x}" cy="{y}" r="5" fill="var(--mark)"/>' for x, y in places),
        *_names(shown, places, falls=falls),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_label, "middle"),
        f'<g transform="translate(14 {middle:g}) rotate(-90)">{_text(0, 0, y_label, "middle")}</g>',
        *_ends(shown, places),
    ]
    label = escaped(f"{len(shown)} points: {y_label} against {x_label}; the table below has the values")
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _places(points: Sequence[FigurePoint]) -> list[tuple[float, float]]:
    xs, ys = [math.log(each.x) for each in points], [each.y for each in points]
    x_span, y_span = (max(values) - min(values) or 1.0 for values in (xs, ys))
    width, height = _WIDTH - _LEFT - _RIGHT - 36, _HEIGHT - _TOP - _BOTTOM - 24
    return [
        (
            round(_LEFT + 12 + width * (x - min(xs)) / x_span, 1),
            round(_HEIGHT - _BOTTOM - 12 - height * (y - min(ys)) / y_span, 1),
        )
        for x, y in zip(xs, ys, strict=True)
    ]


def _names(points: Sequence[FigurePoint], places: Sequence[tuple[float, float]], *, falls: bool) -> list[str]:
    """Return the names above their points, on the empty side of the front; those that cover no other."""
    texts, last_y = list[str](), math.inf
    for point, (x, y) in zip(points, places, strict=True):
        name = point.name[:_LONGEST]
        if abs(last_y - y) < _LINE or len(texts) >= _MOST_NAMES:
            continue
        room = _WIDTH - x if falls else x - _LEFT
        at_right = (room > len(name) * _LETTER) == falls
        left_end = max(x - 4, _LEFT + 4)
        texts.append(_text(left_end if at_right else x - 5, y - 8, name, "start" if at_right else "end"))
        last_y = y
    return texts


def _ends(points: Sequence[FigurePoint], places: Sequence[tuple[float, float]]) -> list[str]:
    """Return the values of the first and the last point on both axes."""
    texts = []
    for number in (0, -1):
        (x, y), point = places[number], points[number]
        texts += [
            _text(x, _HEIGHT - _BOTTOM + 17, f"{point.x:.4g}", "middle", soft=True),
            _text(_LEFT - 8, y + 4, f"{point.y:.4g}", "end", soft=True),
        ]
    return texts


def _text(x: float, y: float, text: str, anchor: str, *, soft: bool = False) -> str:
    colour = "var(--soft)" if soft else "var(--text)"
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{escaped(text)}</text>'
