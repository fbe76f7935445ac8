"""Show the progress of a run: a line for each step and for each table row, more with -v, and bars on a terminal."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from scriptgraph.execution.durations import duration_text
from scriptgraph.printable import printable, printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scriptgraph.cli.tables import LiveBars, LiveLine

# In a pipe, progress is shown at most this often, or with -v for each tenth; a table row shows what lasts for a minute.
_PLAIN_PROGRESS_S, _TENTH_PERCENT = 10.0, 10
_LONG_S = 60.0
_BOLD, _DIM, _RED, _YELLOW = "1", "2", "31", "33"


class RunConsole:
    """Shows the events of a run.

    Nothing is drawn between two events, so that no thread of this process competes for a
    core with a step that measures. Such a step reports progress only outside its timed section.

    Attributes:
        quiet: whether only results, warnings and errors are shown.
        verbose: whether each message of each step is shown.
        silent: whether nothing is shown, because a program reads the answer.
        tables: the tables shown so far.
        warnings: the warnings so far.
        next_commands: the commands to show at the end of the run, each with `purpose` and `command`.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        silent: bool = False,
        results_to: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quiet, self.verbose, self.silent = quiet, verbose, silent
        self._lines_to, self._results_to = sys.stderr, results_to or sys.stdout
        self._on_terminal = self._lines_to.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
        self._coloured = self._on_terminal and not os.environ.get("NO_COLOR")
        self._drawn: LiveBars | LiveLine | None = None
        self._clock = clock
        self._progress_shown: dict[str, float] = {}
        self._tenths_shown: dict[str, int] = {}
        self._warned: set[tuple[str, str]] = set()
        self._active: dict[str, bool] = {}  # by title, whether its own line is shown
        self._row = ""  # the table row that is at work: "3 of 81: LABEL"
        self._row_result = ""
        self._writing = threading.RLock()
        self.tables: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.next_commands: list[dict[str, str]] = []

    def __call__(self, kind: str, title: str, details: Mapping[str, Any]) -> None:
        """Show one event; events of parallel steps one after another; control characters are shown as escapes."""
        with self._writing:
            if kind == "warned":
                self.warnings.append(f"{title}: {details['message']}")
            elif kind == "tabled":
                self.tables.append(dict(details))
            elif kind == "suggested":
                self.next_commands = [dict(each) for each in details["commands"]]
            if self.silent:
                return
            if kind != "progressed":
                self.close()
            show = getattr(self, f"_on_{kind}", None)
            if show is not None:
                show(printable_name(title), details)

    def _on_warned(self, title: str, details: Mapping[str, Any]) -> None:
        # Each model of a sweep may repeat a warning about the machine.
        if (title, details["message"]) not in self._warned or self.verbose:
            self._line(f"! {title}: {details['message']}", _YELLOW, always=True)
        self._warned.add((title, details["message"]))

    def _on_failed(self, title: str, _details: Mapping[str, Any]) -> None:
        self._active.pop(title, None)
        self._line(f"x {title}", _RED, always=True)

    def _on_expected(self, _title: str, details: Mapping[str, Any]) -> None:
        self._line(f"expected time: {details['message']}", _DIM)

    def _on_started(self, title: str, _details: Mapping[str, Any]) -> None:
        self._active[title] = False
        if self.verbose:
            self._head(title)

    def _on_making(self, title: str, _details: Mapping[str, Any]) -> None:
        if not self._row:
            self._head(title)
        self._now(title)

    def _on_said(self, title: str, details: Mapping[str, Any]) -> None:
        message = details["message"]
        if self.verbose or not self._row:
            self._head(title)
            self._line(f"  {self._whose(title)}{message}", _DIM)
        elif details.get("lasts_s", 0.0) >= _LONG_S and not self._on_terminal:
            self._line(f"  {self._row}: {message}", _DIM)
        if details.get("lasts_s") or self._row:
            self._now(message)

    def _on_noted(self, title: str, details: Mapping[str, Any]) -> None:
        if self.verbose:
            self._on_said(title, details)

    def _on_summed(self, title: str, details: Mapping[str, Any]) -> None:
        self._row_result = details["message"]
        if self.verbose or not self._row:
            self._on_said(title, details)

    def _on_printed(self, title: str, details: Mapping[str, Any]) -> None:
        self._line(f"{self._whose(title)}{details['message']}", always=True)

    def _on_finished(self, title: str, details: Mapping[str, Any]) -> None:
        whose = self._whose(title)
        headed = self._active.pop(title, False)
        if self._row and not self.verbose:
            return
        reason = f": {details['reason']}" if details.get("reason") else ""
        seconds = f"{details['seconds']:.1f} s"
        done = details["status"] == "done"
        if headed:
            self._line(f"  {whose}{f'done in {seconds}' if done else details['status'] + reason}", _DIM)
        else:
            self._line(f"> {title}: {seconds if done else details['status'] + reason}", _BOLD)

    def _on_row_started(self, label: str, details: Mapping[str, Any]) -> None:
        self._row, self._row_result = f"{details['number']} of {details['total']}: {label}", ""
        if self.verbose:
            self._line(f"# {self._row}", _BOLD)
        self._now("")

    def _on_row_finished(self, _label: str, details: Mapping[str, Any]) -> None:
        result = self._row_result or details["status"]
        left = f"; {details['left']} left" if details["left"] not in ("", "unknown") else ""
        failed = details["status"] == "failed"
        self._line(
            f"{'x' if failed else '#'} {self._row}: {details['status'] if failed else result}"
            f"; {duration_text(details['seconds'])}{left}",
            _RED if failed else _BOLD,
        )
        self._row = ""

    def _on_progressed(self, title: str, details: Mapping[str, Any]) -> None:
        if not self.quiet:
            self._progress(title, details["what"], details["done"], details["total"])

    def _on_tabled(self, _title: str, details: Mapping[str, Any]) -> None:
        if self._row and not self.verbose:
            return
        from scriptgraph.cli.tables import Section, draw  # noqa: PLC0415 - few commands have a table

        rows = [[self._shown_path(cell) for cell in row] for row in details["rows"]]
        draw([Section(details["title"], rows)], self._results_to, labelled=True)

    def show_next(self) -> None:
        """Show the next commands, one a line, below the run's tables."""
        if self.next_commands and not self.quiet:
            width = max(len(each["purpose"]) for each in self.next_commands) + 1
            lines = (f"  {each['purpose'] + ':':{width}}  {each['command']}" for each in self.next_commands)
            self.text(["Next", *lines])

    def _shown_path(self, cell: str) -> str:
        """Return a cell with ~ for the home directory, on a terminal only: other programs need whole paths."""
        home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - no error without a home directory
        whole = not home or home == "~" or not self._results_to.isatty()
        return cell if whole else re.sub(rf"(?<!\S){re.escape(home)}(?=/)", "~", cell)

    def _head(self, title: str) -> None:
        """Show the line of a step, unless it is shown."""
        if not self._active.get(title, True):
            self._active[title] = True
            self._line(f"> {title}", _BOLD)

    def _whose(self, title: str) -> str:
        """Return a prefix with the step's title if several steps run in parallel, otherwise ""."""
        return f"{title}: " if set(self._active) - {title} else ""

    def text(self, lines: Iterable[str]) -> None:
        """Print lines of a result to the results' output."""
        for line in () if self.silent else lines:
            print(printable(line), file=self._results_to, flush=True)

    def close(self) -> None:
        """Remove the bars or the live line from the screen."""
        if self._drawn is not None:
            self._drawn.stop()
        self._drawn = None

    def _line(self, text: str, style: str = "", *, always: bool = False) -> None:
        if always or not self.quiet:
            text = printable(text)
            shown = f"\x1b[{style}m{text}\x1b[0m" if style and self._coloured else text
            # One write: the lines of several threads and programs stay whole.
            self._lines_to.write(f"{shown}\n")
            self._lines_to.flush()

    def _now(self, text: str) -> None:
        """Show the present work below the last line, until the next event; only on a terminal."""
        if self._on_terminal and not self.quiet:
            from scriptgraph.cli.tables import LiveLine  # noqa: PLC0415 - few commands have a live line

            self.close()
            self._drawn = LiveLine(self._lines_to)
            self._drawn.show(printable_name(": ".join(part for part in (self._row, text) if part)))

    def _progress(self, title: str, what: str, done: float, total: float | None) -> None:
        if self._on_terminal:
            from scriptgraph.cli.tables import LiveBars  # noqa: PLC0415 - few commands have bars

            if not isinstance(self._drawn, LiveBars):
                self.close()
                self._drawn = LiveBars(self._lines_to)
            self._drawn.update(printable_name(what), done, total)
        elif total:
            now, tenth = self._clock(), int(100 * done / total) // _TENTH_PERCENT
            due = now - self._progress_shown.setdefault(what, now) >= _PLAIN_PROGRESS_S
            if due or (self.verbose and self._tenths_shown.get(what) != tenth):
                self._progress_shown[what], self._tenths_shown[what] = now, tenth
                self._head(title)
                self._line(f"  {what}: {100 * done / total:.0f} %")
