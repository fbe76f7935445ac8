"""The times of a run by parts, and their picture as SVG: lines over time, with slow parts shaded.

No library draws it, because results and reports are written by the plain installation (docs/decisions/0028).
"""

from __future__ import annotations

import math
from html import escape
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.latencies import TimesOverTime
from mlperf_home.latencies.series import Histogram, merge
from mlperf_home.latencies.states import states_of
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlperf_home.latencies.series import Block, LatencySeries

    _Scale = Callable[[float], float]

_MOST_PARTS = 120
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
_DIGITS = 5
# Colour-blind people can distinguish these colours (Okabe and Ito).
_COLOURS = ("#0072b2", "#e69f00", "#d55e00")
_SHADE = "#cc79a7"
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 300, 64, 84, 40, 44
_STEPS = (1.0, 2.0, 5.0)
_CAPTIONS = {
    "latencies": "latency (ms)",
    "periods": "time from one completion to the next (ms)",
    "completions": "samples per second",
    "sorted completions": "samples per second; long samples come first",
}


def over_time(series: LatencySeries) -> TimesOverTime:
    """Return a run by at most 120 parts; parts without a completion are merged into the next."""
    merged = series.merged(_MOST_PARTS)
    blocks, ends_s = list(merged.blocks), list(accumulate(merged.lengths_s()))
    if len(blocks) > 1 and merged.lengths_s()[-1] < merged.block_s / 2:
        # Too short to compare with others.
        blocks[-2:], ends_s[-2:] = merge(blocks[-2:], 2), ends_s[-1:]
    parts: list[tuple[Block, float, float]] = []
    begin_s = 0.0
    for block, end_s in zip(blocks, ends_s, strict=True):
        if block.count:
            parts.append((block, begin_s, end_s))
            begin_s = end_s
    if series.completions:
        rates = tuple(_rounded(block.count / (end_s - begin_s)) for block, begin_s, end_s in parts)
        lines = {"samples per second": rates}
    else:
        lines = {
            name: tuple(
                _rounded(max(1.0, Histogram(block.histogram).quantile_ns(share)) / 1e6) for block, _, _ in parts
            )
            for name, share in _PERCENTILES.items()
        }
    spans = states_of(series).slow_spans_s
    middles = ((begin_s + end_s) / 2 for _, begin_s, end_s in parts)
    slow = tuple(any(low <= middle < high for low, high in spans) for middle in middles) if spans else ()
    return TimesOverTime(
        kind=series.kind, ends_s=tuple(_rounded(end_s) for _, _, end_s in parts), lines=lines, slow=slow
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def draw(times: TimesOverTime, title: str, *, inline: bool = False) -> str:
    """Return a picture as SVG, for a file or `inline` in HTML; equal times have equal pictures.

    Times that no run can have, as in an edited document, have an empty one.
    """
    if not _drawable(times):
        return ""
    values = [value for line in times.lines.values() for value in line]
    low, high = _range(values)
    end_s = times.ends_s[-1]

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / end_s

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * math.log(value / low) / math.log(high / low)

    begins_s = (0.0, *times.ends_s)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    parts = [
        f'<svg{"" if inline else _NAMESPACE} {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(printable_name(title))}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(printable_name(title))}</text>',
    ]
    parts += [
        f'<rect x="{x(begin):.1f}" y="{_TOP}" width="{x(end) - x(begin):.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"'
        f' fill="{_SHADE}" fill-opacity="0.25"/>'
        for begin, end, slow in zip(begins_s, times.ends_s, times.slow, strict=False)
        if slow
    ]
    for value in _ticks(low, high):
        parts.append(_grid(_LEFT, y(value), _WIDTH - _RIGHT, y(value)))
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for number in range(5):
        at_s = end_s * number / 4
        parts.append(
            f'<text x="{x(at_s):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{float(f"{at_s:.3g}"):g}</text>'
        )
    parts += _lines(times, x, y)
    bottom = _HEIGHT - 8
    shaded = "; shaded: the machine was slower" if any(times.slow) else ""
    parts.append(f'<text x="{_LEFT}" y="{bottom}">seconds of the timed section{shaded}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 6}" fill="#444">{_CAPTIONS[times.kind]}, this session only</text>')
    return "\n".join([*parts, "</svg>", ""])


def _drawable(times: TimesOverTime) -> bool:
    """Whether each part has an end and a value of each line, as in a document that nobody edited."""
    ends_s, lines = times.ends_s, times.lines.values()
    rising = all(begin < end for begin, end in pairwise((0.0, *ends_s)))
    values = [value for line in lines for value in line]
    whole = all(len(line) == len(ends_s) for line in lines) and len(times.slow) in {0, len(ends_s)}
    return bool(values) and rising and whole and all(0 < value < math.inf for value in (*values, *ends_s))


def _grid(*ends: float) -> str:
    x1, y1, x2, y2 = (f"{each:.1f}" for each in ends)
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#e0e0e0"/>'


def _lines(times: TimesOverTime, x: _Scale, y: _Scale) -> Iterator[str]:
    """Yield the line of each name as steps, and the name at its end; names that would overlap move down."""
    begins_s = (0.0, *times.ends_s)
    taken = math.inf
    names = []
    for (name, values), colour in zip(times.lines.items(), _COLOURS, strict=False):
        steps = zip(begins_s, times.ends_s, values, strict=False)
        points = " ".join(f"{x(at_s):.1f},{y(value):.1f}" for begin, end, value in steps for at_s in (begin, end))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        taken = min(y(values[-1]) + 4, taken - 13)
        label = "per second" if name == "samples per second" else name
        names.append(f'<text x="{_WIDTH - _RIGHT + 6}" y="{taken:.1f}" fill="{colour}">{label}</text>')
    yield from names


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the logarithmic axis, a twentieth beyond the values, and at least a tenth apart."""
    low, high = min(values) / 1.05, max(values) * 1.05
    return (low, high) if high / low > 1.2 else (low / 1.05, high * 1.05)  # noqa: PLR2004 - a fifth


def _ticks(low: float, high: float) -> Iterator[float]:
    """Yield round values between two others: 1, 2 and 5 of each decade, or finer ones if these are too few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    coarse = [step * 10.0**decade for decade in decades for step in _STEPS]
    inside = [value for value in coarse if low <= value <= high]
    if len(inside) < 3:  # noqa: PLR2004 - too few to read values between them
        unit = 10.0 ** math.floor(math.log10((high - low) / 2))
        step = unit * next(each for each in (1.0, 2.0, 5.0) if (high - low) / (unit * each) <= 8)  # noqa: PLR2004 - lines
        inside = [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    yield from inside
