"""Show the progress of a run: plain lines, and bars on a terminal."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from scriptgraph.printable import printable, printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.cli.tables import LiveBars

_PLAIN_STEP_PERCENT = 10
_BOLD, _DIM, _RED, _YELLOW = "1", "2", "31", "33"


class RunConsole:
    """Shows the events of a run.

    Nothing is drawn between two events, so that no thread of this process competes for a
    core with a step that measures. Such a step reports progress only outside its timed section.

    Attributes:
        quiet: whether only results, warnings and errors are shown.
        silent: whether nothing is shown, because a program reads the answer.
        tables: the tables shown so far.
        warnings: the warnings so far.
    """

    def __init__(self, *, quiet: bool = False, silent: bool = False, results_to: TextIO | None = None) -> None:
        self.quiet, self.silent = quiet, silent
        self._lines_to, self._results_to = sys.stderr, results_to or sys.stdout
        self._on_terminal = self._lines_to.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
        self._coloured = self._on_terminal and not os.environ.get("NO_COLOR")
        self._bars: LiveBars | None = None
        self._plain_shown: dict[str, int] = {}
        self._active: list[str] = []
        self._writing = threading.RLock()
        self.tables: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    def __call__(self, kind: str, title: str, details: Mapping[str, Any]) -> None:
        """Show one event; events of parallel steps one after another; control characters are shown as escapes."""
        with self._writing:
            if kind == "warned":
                self.warnings.append(f"{title}: {details['message']}")
            elif kind == "tabled":
                self.tables.append(dict(details))
            if not self.silent:
                self._show(kind, printable_name(title), details)

    def _show(self, kind: str, title: str, details: Mapping[str, Any]) -> None:
        if kind != "progressed":
            self.close()
        if kind == "warned":
            self._line(f"! {title}: {details['message']}", _YELLOW, always=True)
        elif kind == "failed":
            self._line(f"x {title}", _RED, always=True)
        elif kind == "said":
            self._line(f"  {self._whose(title)}{details['message']}", _DIM)
        elif kind == "printed":
            self._line(f"{self._whose(title)}{details['message']}", always=True)
        elif kind == "started":
            self._active.append(title)
            self._line(f"> {title}", _BOLD)
        elif kind == "finished":
            self._finished(title, details)
        elif kind == "progressed" and not self.quiet:
            self._progress(details["what"], details["done"], details["total"])
        elif kind == "tabled":
            from scriptgraph.cli.tables import Section, draw  # noqa: PLC0415 - few commands have a table

            draw([Section(details["title"], details["rows"])], self._results_to, labelled=True)

    def _whose(self, title: str) -> str:
        """Return a prefix with the step's title if several steps run in parallel, otherwise ""."""
        return f"{title}: " if set(self._active) - {title} else ""

    def _finished(self, title: str, details: Mapping[str, Any]) -> None:
        whose = self._whose(title)
        if title in self._active:
            self._active.remove(title)
        reason = f": {details['reason']}" if details.get("reason") else ""
        done = f"done in {details['seconds']:.1f} s"
        self._line(f"  {whose}{done if details['status'] == 'done' else details['status'] + reason}", _DIM)

    def text(self, lines: Iterable[str]) -> None:
        """Print lines of a result to the results' output."""
        for line in () if self.silent else lines:
            print(printable(line), file=self._results_to, flush=True)

    def close(self) -> None:
        """Remove the progress bars from the screen."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = None
        self._plain_shown = {}

    def _line(self, text: str, style: str = "", *, always: bool = False) -> None:
        if always or not self.quiet:
            text = printable(text)
            shown = f"\x1b[{style}m{text}\x1b[0m" if style and self._coloured else text
            # One write: the lines of several threads and programs stay whole.
            self._lines_to.write(f"{shown}\n")
            self._lines_to.flush()

    def _progress(self, what: str, done: float, total: float | None) -> None:
        if self._on_terminal:
            from scriptgraph.cli.tables import LiveBars  # noqa: PLC0415 - few commands have bars

            self._bars = self._bars or LiveBars(self._lines_to)
            self._bars.update(printable_name(what), done, total)
        elif total and self._plain_shown.get(what) != (step := int(100 * done / total) // _PLAIN_STEP_PERCENT):
            self._plain_shown[what] = step
            self._line(f"  {what}: {100 * done / total:.0f} %")
