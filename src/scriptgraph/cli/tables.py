"""Show lists, tables and bars with rich, which no other module imports; outside a terminal, lists are plain lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from scriptgraph.immutable import Immutable
from scriptgraph.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.progress import TaskID

# Wide enough to keep paths in tables on one line when the output is not a terminal.
_PLAIN_WIDTH = 4096
_REDRAW_S = 0.1
_KILO = 1000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


class LiveBars:
    """Progress bars on a terminal, drawn only on updates."""

    def __init__(self, stream: TextIO) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - see `_console`

        name, percent = TextColumn("  {task.description}", markup=False), TextColumn("{task.percentage:>3.0f}%")
        columns = (name, BarColumn(), percent, TimeRemainingColumn())
        console = _console(stream, soft_wrap=True)
        self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._progress.start()
        self._bars: dict[str, TaskID] = {}
        self._drawn_s = 0.0

    def update(self, what: str, done: float, total: float | None) -> None:
        """Show the progress of `what`; `total` is None if unknown."""
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._bars[what], completed=done, total=total)
        if time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._progress.refresh()

    def stop(self) -> None:
        """Remove the bars from the screen."""
        self._progress.stop()


class LiveLine:
    """One line on a terminal, cut at its width, drawn only on updates."""

    def __init__(self, stream: TextIO) -> None:
        from rich.live import Live  # noqa: PLC0415 - see `_console`

        self._live = Live(console=_console(stream), auto_refresh=False, transient=True)
        self._live.start()

    def show(self, text: str) -> None:
        """Replace the line's text."""
        from rich.text import Text  # noqa: PLC0415 - see `_console`

        self._live.update(Text(f"  {text}", no_wrap=True, overflow="ellipsis", style="dim"), refresh=True)

    def stop(self) -> None:
        """Remove the line from the screen."""
        self._live.stop()


class Section(Immutable):
    """A title and rows with the same number of cells; without rows only the title is shown."""

    title: str
    rows: Sequence[Sequence[str]] = ()
    header: Sequence[str] = ()


def show_sections(sections: Sequence[Section], to: TextIO | None = None) -> None:
    """Write sections, by default to standard output."""
    out = to or sys.stdout
    if out.isatty():
        draw(sections, out)
    else:
        out.write(as_lines(sections))


def _printable(section: Section) -> Section:
    """Return a section whose texts a terminal shows as they are."""
    rows = [[printable(cell) for cell in row] for row in section.rows]
    return Section(printable(section.title), rows, [printable(cell) for cell in section.header])


def as_lines(sections: Sequence[Section]) -> str:
    """Return sections as text: the title, then the rows with aligned columns."""
    lines = []
    for section in map(_printable, sections):
        indent = "  " if section.title else ""
        lines += [section.title] if section.title else []
        rows = [row for row in (section.header, *section.rows) if row]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append((indent + "  ".join(cells)).rstrip())
    return "".join(f"{line}\n" for line in lines)


def draw(sections: Sequence[Section], out: TextIO, *, labelled: bool = False) -> None:
    """Draw sections as tables; `labelled` keeps a row's first cell on one line."""
    from rich.table import Table  # noqa: PLC0415 - see `_console`

    console = _console(out)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    for section in map(_printable, sections):
        if not section.rows:
            console.print(section.title, style="bold")
            continue
        table = Table(title=section.title or None, show_header=bool(section.header), title_justify="left")
        for number, name in enumerate(section.header or [""] * len(section.rows[0])):
            label = labelled and number == 0
            table.add_column(name, overflow="ellipsis" if label else "fold", no_wrap=label)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)


def _console(stream: TextIO, *, soft_wrap: bool = False) -> Console:
    from rich.console import Console  # noqa: PLC0415 - rich doubles the time of a short command; few commands need it

    # Texts hold paths and stubs such as "zoo:nlp/[a]", which must not be read as markup or emoji.
    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap)


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units: "38.1 MB"."""
    size, units = float(size_bytes), ["TB", "GB", "MB", "kB", "bytes"]
    while size >= _KILO and len(units) > 1:
        size /= _KILO
        units.pop()
    return f"{size:.{0 if units[-1] == 'bytes' else 1}f} {units[-1]}"


def age_text(then_ns: int | None, now_ns: int) -> str:
    """Return an age: "3 h ago"; "unknown" for None."""
    if then_ns is None:
        return "unknown"
    seconds = max(0, now_ns - then_ns) // 10**9
    for unit_s, unit in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s * (2 if unit_s == _DAY_S else 1):
            return f"{seconds // unit_s} {unit} ago"
    return f"{seconds} s ago"
