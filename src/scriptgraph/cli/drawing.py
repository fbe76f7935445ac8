"""Live bars and tables; the only module that imports rich, which takes long to be imported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

# Paths in tables stay on one line where no terminal limits them.
_PLAIN_WIDTH = 4096
_REDRAW_S = 0.1
# Our texts hold paths and stubs such as "zoo:nlp/[a]": shown as they are, never as markup or emoji.
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}


class LiveBars:
    """Bars on a terminal, drawn when they are told something and not in between."""

    def __init__(self, stream: TextIO) -> None:
        name, percent = TextColumn("  {task.description}", markup=False), TextColumn("{task.percentage:>3.0f}%")
        columns = (name, BarColumn(), percent, TimeRemainingColumn())
        console = Console(file=stream, soft_wrap=True, **_PLAIN)
        self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._progress.start()
        self._bars: dict[str, TaskID] = {}
        self._drawn_s = 0.0

    def update(self, what: str, done: float, total: float | None) -> None:
        """Say how far something has come."""
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._bars[what], completed=done, total=total)
        if time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._progress.refresh()

    def stop(self) -> None:
        """Take the bars off the screen."""
        self._progress.stop()


def print_table(title: str, rows: Sequence[tuple[str, str]], stream: TextIO) -> None:
    """Print rows of a label and a value."""
    console = Console(file=stream, **_PLAIN)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, value)
    console.print(table)
