"""Pictures as SVG and PNG, by Matplotlib, and as one page of HTML without network access, by Plotly.

Equal pictures have equal bytes of SVG.
"""

from __future__ import annotations

import html
import json
import math
from collections import Counter
from dataclasses import asdict
from importlib import resources
from itertools import chain, cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import matplotlib.ticker
import matplotlib.transforms
from matplotlib import patheffects
from plotly.offline import get_plotlyjs

from mlperf_home.contracts.studies.picture import SAMPLE
from mlperf_home.pictures.colours import PALETTES, colour, group_of, groups, usual_shade
from mlperf_home.pictures.picture import LOOKS, Look, caption_in_words, in_words, unit_of
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.studies.picture import Mark, Picture

_SIZE_IN = (10.0, 6.5)
_DPI = 150
_FEW = 400
"""The most marks of a kind that are drawn large and not covered by names."""
_NARROW = 100
_SOFT = "#6b7480"
_LINE_STYLES = ("-", "--", "-.", ":")
# Positions of a label, in points from its mark, in the order of preference: first those on the empty side of the front.
_PLACES = ((-8, 7), (-8, 17), (8, -12), (8, 5), (-8, -12), (8, -22), (-8, 25), (8, 15))
_SETTINGS = {
    "svg.hashsalt": "mlperf-home", "svg.fonttype": "path", "font.size": 10, "axes.axisbelow": True,
    # A name is no formula, whatever dollars and backslashes it has.
    "text.parse_math": False, "text.usetex": False,
}  # fmt: skip


def draw(picture: Picture, svg: Path, png: Path) -> None:
    """Draw a picture whose fronts are known. Raise OSError if a file cannot be written."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the choice of the backend

    shades = groups(picture.marks)
    shade = usual_shade(shades)
    colours = _Colours(shade, shades[shade])
    with mpl.rc_context(_SETTINGS):
        figure, axes = plt.subplots(figsize=_SIZE_IN)
        fronts = picture.staircases()
        _draw_lines(axes, picture, fronts, colours)
        for key, look in LOOKS.items():
            marks = [mark for mark in picture.marks if mark.kind == key]
            if marks:
                _draw_marks(axes, marks, look, colours)
                # The shape stands for the kind, the colour for the group: each has entries of its own.
                _add_entry(axes, f"{look.label} ({len(marks)})", look, _SOFT)
        for group, count in colours.counts(picture.marks).items():
            _add_entry(axes, f"{group} ({count})", Look("", "o", filled=True), colours.colour(group))
        _format_axes(axes, picture)
        own = [front for front in fronts.values() if not front[0].imported]
        _label(figure, axes, chain.from_iterable(own or fronts.values()), picture)
        figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": "mlperf-home"})
        figure.savefig(png, format="png", bbox_inches="tight", dpi=_DPI)
        plt.close(figure)


class _Colours(NamedTuple):
    """The colours of a picture: what they stand for, and the groups that have them."""

    shade: str
    known: Sequence[str]

    def of(self, mark: Mark) -> str:
        return self.colour(group_of(mark, self.shade, self.known))

    def colour(self, group: str) -> str:
        return colour(group, self.known)

    def counts(self, marks: Sequence[Mark]) -> dict[str, int]:
        """Return the number of marks of each group; nothing if there is one group."""
        counts = Counter(group_of(mark, self.shade, self.known) for mark in marks)
        return {group: counts[group] for group in self.known} if len(self.known) > 1 else {}


def _draw_lines(axes: Any, picture: Picture, fronts: Mapping[str, Sequence[Mark]], colours: _Colours) -> None:
    """Draw each front as steps, since between two of its marks only the worse value is reached."""
    where = "post" if picture.x.direction == "min" else "pre"
    for (name, front), style in zip(fronts.items(), cycle(_LINE_STYLES)):
        xs, ys = [mark.x for mark in front], [mark.y for mark in front]
        shared = {colours.of(mark) for mark in front}
        line = {"color": shared.pop() if len(shared) == 1 else _SOFT, "linestyle": style, "linewidth": 1.2}
        axes.step(xs, ys, where=where, zorder=1, label=name if len(fronts) > 1 else None, alpha=0.6, **line)


def _draw_marks(axes: Any, marks: Sequence[Mark], look: Look, colours: _Colours) -> None:
    drawn = [colours.of(mark) for mark in marks]
    axes.scatter(
        [mark.x for mark in marks],
        [mark.y for mark in marks],
        s=42 if len(marks) <= _FEW else 9,
        marker=look.shape,
        facecolors=drawn if look.filled else "none",
        edgecolors=drawn,
        linewidths=0.5 if look.filled else 1.4,
        zorder=3,
    )
    for mark, shown in zip(marks, drawn, strict=True):
        if mark.x_interval:
            axes.plot(mark.x_interval, (mark.y, mark.y), color=shown, linewidth=1, zorder=2)
        if mark.y_interval:
            axes.plot((mark.x, mark.x), mark.y_interval, color=shown, linewidth=1, zorder=2)


def _add_entry(axes: Any, label: str, look: Look, shown: str) -> None:
    """Add an entry to the legend: a mark without a place in the picture."""
    faces = shown if look.filled else "none"
    axes.scatter([], [], s=42, marker=look.shape, facecolors=faces, edgecolors=shown, label=printable_name(label))


def _format_axes(axes: Any, picture: Picture) -> None:
    if all(mark.x > 0 for mark in picture.marks):
        axes.set_xscale("log")
        span = max(mark.x for mark in picture.marks) / min(mark.x for mark in picture.marks)
        # With decades alone, a narrow axis would have one number, or none.
        subs = (1.0, 2.0, 3.0, 5.0) if span < _NARROW else (1.0,)
        axes.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=subs, numticks=20))
        axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes.set_xlabel(printable_name(caption_in_words(picture.x)))
    axes.set_ylabel(printable_name(caption_in_words(picture.y)))
    axes.set_title(printable_name(picture.heading), loc="left", wrap=True)
    axes.grid(visible=True, which="both", color="#e8e8e8", linewidth=0.6)
    # Names of fronts are long; one front has no name in the legend.
    columns = 2 if len(picture.staircases()) > 1 else 3
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=columns, frameon=False)
    if picture.notes:
        below = -0.17 - 0.05 * math.ceil(len(axes.get_legend().get_texts()) / columns)
        text = "\n".join(map(printable_name, picture.notes))
        axes.annotate(text, (0, below), xycoords="axes fraction", fontsize=9, color="#444444", va="top")


def _label(figure: Any, axes: Any, front: Iterable[Mark], picture: Picture) -> None:
    """Draw the names of the front's marks; omit a name that has no free position."""
    sides = [1 if axis.direction == better else -1 for axis, better in ((picture.x, "min"), (picture.y, "max"))]
    places = [(sides[0] * right, sides[1] * up) for right, up in _PLACES]
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    few = picture.marks if len(picture.marks) <= _FEW else ()
    spots = axes.transData.transform([(mark.x, mark.y) for mark in few]) if few else ()
    taken: list[Any] = [mpl.transforms.Bbox.from_bounds(x - 7, y - 7, 14, 14) for x, y in spots]
    inside = axes.get_window_extent(renderer)
    for mark in front:
        for right, up in places:
            text = axes.annotate(
                printable_name(mark.name),
                (mark.x, mark.y),
                xytext=(right, up),
                textcoords="offset points",
                ha="left" if right > 0 else "right",
                fontsize=8,
                zorder=4,
                path_effects=halo,
            )
            box = text.get_window_extent(renderer)
            fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if fits and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def write_page(picture: Picture) -> str:
    """Return a page that contains Plotly's library, the marks, and the filters."""
    axes = {"x": picture.x, "y": picture.y}
    shades = groups(picture.marks)
    document = {
        **asdict(picture),
        "shades": shades,
        "shade": usual_shade(shades),
        "palettes": PALETTES,
        "words": {name: printable_name(in_words(axis)) for name, axis in axes.items()},
        "units": {name: unit_of(axis) for name, axis in axes.items()},
        "sample_words": SAMPLE if picture.sample else "",
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _read_asset("page.html").format(
        title=html.escape(picture.heading),
        notes="".join(f"<li>{html.escape(note)}</li>" for note in picture.notes),
        # No text of the document may end the script element.
        document=text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        library=get_plotlyjs(),
        code=_read_asset("page.js"),
        style=_read_asset("page.css"),
    )


def _read_asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
