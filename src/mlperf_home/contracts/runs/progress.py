"""The progress lines on the standard output of a run's processes: one JSON object each, with its kind in `event`.

Every line has `time_s`, the seconds since the process started. Nothing is written in the timed section, between
`running` and `finished`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from mlperf_home.contracts.codec import Document, OpenDocument, parse_document, print_line
from mlperf_home.contracts.runs.grids import Grid
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits
from scriptgraph.printable import printable_name, shortened

_LINE = Limits(size=1 << 20, depth=8, values=10_000)


class _Event(OpenDocument, tag_field="event"):
    time_s: float = 0.0


class OpeningEvent(_Event, tag="opening"):
    """The engine is being opened."""

    backend: str


class CalibratingEvent(_Event, tag="calibrating"):
    """No kept calibration is valid; a calibration starts.

    Attributes:
        budget_s: the longest time in seconds, without waiting for a quiet machine.
        because: the reason why a kept one is made anew; "" without a kept one.
    """

    budget_s: float = 0.0
    because: str = ""


class CalibratedEvent(_Event, tag="calibrated"):
    """A calibration has ended; `words` describe its choice."""

    words: str


class OpenedEvent(_Event, tag="opened"):
    """The engine is open."""

    engine: str
    version: str
    grid: Grid


class RunningEvent(_Event, tag="running"):
    """LoadGen starts."""

    scenario: str
    mode: str
    min_duration_s: float


class FinishedEvent(_Event, tag="finished"):
    """LoadGen has ended."""

    run_s: float


class CompleteEvent(_Event, tag="complete"):
    """The logs and the session are published."""

    validity: Literal["VALID", "INVALID"] | None
    session: Path


class RunOrder(Document):
    """An input line of `mlperf_home.harness.many`: the job to run, in a fork or in a new interpreter."""

    job: Path
    new_interpreter: bool = False


class EndedEvent(_Event, tag="ended"):
    """One of many runs has ended, with an `ExitStatus` and an error message, which is empty on success."""

    status: int
    message: str


class FailedEvent(_Event, tag="failed"):
    """A module of this package has failed; `message` is the error for the user, one line."""

    message: str


Event = (
    OpeningEvent
    | CalibratingEvent
    | CalibratedEvent
    | OpenedEvent
    | RunningEvent
    | FinishedEvent
    | CompleteEvent
    | EndedEvent
    | FailedEvent
)


def print_failure(error: object) -> None:
    """Print an error as a line on standard error, and as an event on standard output for the parent process."""
    # The name of a file need not be UTF-8, and may hold control characters; a document is text.
    message = shortened(printable_name(str(error)))
    print(f"mlperf-home: {message}", file=sys.stderr, flush=True)
    print_line(FailedEvent(message=message))


def parse_event(line: str) -> Event | None:
    """Parse a progress line; return None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        return parse_document(line, Event, "the line")  # type: ignore[arg-type] # a union is no class
    except DocumentError:
        return None
