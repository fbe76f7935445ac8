"""The lines that a run's processes write to their standard output: one JSON object each, told apart by `event`.

Every line has `time_s`, the seconds since the process began to work. Between `running` and `finished`, the timed
section, nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mlperf_home.contracts.codec import Document, OpenDocument, parse_document
from mlperf_home.contracts.grids import Grid
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

_LINE = Limits(size=1 << 20, depth=8, values=10_000)


class _Event(OpenDocument, tag_field="event"):
    time_s: float = 0.0


class Opening(_Event, tag="opening"):
    """The engine is being opened."""

    backend: str


class Calibrating(_Event, tag="calibrating"):
    """No stored grid fits; one is measured."""


class Opened(_Event, tag="opened"):
    """The engine is open."""

    engine: str
    version: str
    grid: Grid


class Running(_Event, tag="running"):
    """LoadGen begins."""

    scenario: str
    mode: str
    min_duration_s: float


class Finished(_Event, tag="finished"):
    """LoadGen has ended."""

    run_s: float


class Complete(_Event, tag="complete"):
    """The session is in its place."""

    validity: Literal["VALID", "INVALID"] | None
    session: Path


class RunOrder(Document):
    """A line for `mlperf_home.harness.many`: run a job, in a fork or in a new interpreter."""

    job: Path
    new_interpreter: bool = False


class Ended(_Event, tag="ended"):
    """One of many runs has ended: its exit status, see `failures.ExitStatus`, and what was wrong; empty if nothing."""

    status: int
    message: str


Event = Opening | Calibrating | Opened | Running | Finished | Complete | Ended


def parse_event(line: str) -> Event | None:
    """Read a line; None for another program's."""
    if not line.startswith("{"):
        return None
    try:
        return parse_document(line, Event, "the line")  # type: ignore[arg-type] # a union is no class
    except DocumentError:
        return None
