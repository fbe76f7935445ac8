"""Show a run: a live line on a terminal, plain lines elsewhere; tables on standard output."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLAIN_STEP_PERCENT = 10
# Paths in tables stay on one line where no terminal limits them.
_PLAIN_WIDTH = 4096
_REDRAW_S = 0.1


class RunConsole:
    """Takes a run's events and shows them.

    Nothing is drawn between two events: no thread of ours shares a core with a step that
    measures, which reports progress only outside its timed section.
    """

    def __init__(self, *, quiet: bool, results_to: TextIO | None = None) -> None:
        self._quiet = quiet
        # Our texts hold paths and stubs such as "zoo:nlp/[a]": shown as they are, never as markup or emoji.
        plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
        self._console = Console(stderr=True, soft_wrap=True, **plain)
        self._results = Console(file=results_to or sys.stdout, **plain)
        if not self._results.is_terminal:
            self._results.width = _PLAIN_WIDTH
        self._bar: Progress | None = None
        self._drawn_s = 0.0
        self._bars: dict[str, TaskID] = {}
        self._plain_shown: dict[str, int] = {}
        self.tables: list[dict[str, Any]] = []

    def __call__(self, kind: str, title: str, details: Mapping[str, Any]) -> None:
        """Show one event."""
        if kind != "progressed":
            self.close()
        if kind == "warned":
            self._line(f"! {title}: {details['message']}", "yellow", always=True)
        elif kind == "failed":
            self._line(f"x {title}", "red", always=True)
        elif kind == "said":
            self._line(f"  {details['message']}", "dim")
        elif kind == "started":
            self._line(f"> {title}", "bold")
        elif kind == "finished" and details["status"] != "done":
            reason = f": {details['reason']}" if details.get("reason") else ""
            self._line(f"  {details['status']}{reason}", "dim")
        elif kind == "finished":
            self._line(f"  done in {details['seconds']:.1f} s", "dim")
        elif kind == "progressed":
            self._progress(details)
        elif kind == "tabled":
            self._table(details)

    def text(self, lines: Iterable[str]) -> None:
        """Show lines of a result as they are, on the results' output."""
        for line in lines:
            self._results.print(line, soft_wrap=True)

    def close(self) -> None:
        """Take the live bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._bars = None, {}
        self._plain_shown = {}

    def _line(self, text: str, style: str, *, always: bool = False) -> None:
        if always or not self._quiet:
            self._console.print(text, style=style)

    def _progress(self, details: Mapping[str, Any]) -> None:
        if self._quiet:
            return
        what, done, total = details["what"], details["done"], details["total"]
        if not self._console.is_terminal:
            self._plain_progress(what, done, total)
            return
        if self._bar is None:
            name, percent = TextColumn("  {task.description}", markup=False), TextColumn("{task.percentage:>3.0f}%")
            columns = (name, BarColumn(), percent, TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True, auto_refresh=False)
            self._bar.start()
        if what not in self._bars:
            self._bars[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._bars[what], completed=done, total=total)
        if time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._bar.refresh()

    def _plain_progress(self, what: str, done: float, total: float | None) -> None:
        if not total:
            return
        step = int(100 * done / total) // _PLAIN_STEP_PERCENT
        if self._plain_shown.get(what) != step:
            self._plain_shown[what] = step
            self._console.print(f"  {what}: {100 * done / total:.0f} %")

    def _table(self, details: Mapping[str, Any]) -> None:
        self.tables.append(dict(details))
        table = Table(title=details["title"], show_header=False, title_justify="left")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in details["rows"]:
            table.add_row(label, value)
        self._results.print(table)
