"""The job of the process that drives a fleet, and the lines that it prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, OpenDocument, parse_document
from mlperf_home.contracts.fleet.machines import FleetMachine, MachineVisit, Name
from mlperf_home.contracts.fleet.units import Unit
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

JOB_LIMITS = Limits(size=64 << 20, depth=8, values=4_000_000)
_LINE = Limits(size=1 << 20, depth=6, values=20_000)


class SshOptions(Document):
    """How machines are reached.

    Attributes:
        connect_s: the time limit of a connection.
        silent_s: after so long without an answer of the machine's kernel it counts as gone.
        lost_s: after so long without a connection its units are given up.
    """

    config: Path | None = None
    known_hosts: Path | None = None
    key: Path | None = None
    connect_s: Annotated[float, Meta(gt=0)] = 30.0
    silent_s: Annotated[float, Meta(gt=0)] = 60.0
    lost_s: Annotated[float, Meta(ge=0)] = 600.0


class CarriedFile(Document):
    """A file that is copied to each machine: its place here, its name there, and its hash."""

    path: Path
    name: str
    sha256: str
    size: int


class Wheelhouse(Document):
    """What an environment on a machine is made from.

    Attributes:
        digest: the identity of the environment.
        requirements: the text of its lock file.
        wheels: the files.
    """

    digest: str
    requirements: str
    wheels: tuple[CarriedFile, ...]


class FleetJob(Document):
    """What the process has to do.

    Attributes:
        action: visit the machines, run the units, collect what has ended, or stop what runs.
        folder: the fleet's folder on this machine.
        name: the fleet's name.
        program: the archive of the programs for machines.
        out_of_reach: the problems of machines that cannot be used, by name.
        wheelhouses: by machine.
        files: copied to each machine.
        retries: how often a failed unit is repeated.
        deadline_s: the time limit of a unit.
        budget: the most that all units may cost; None for no limit.
        look_s: the time between two looks at the results of jobs in a queue.
    """

    action: Literal["visit", "run", "collect", "stop"]
    folder: Path
    name: Name
    machines: tuple[FleetMachine, ...]
    program: Path
    ssh: SshOptions = SshOptions()
    units: tuple[Unit, ...] = ()
    out_of_reach: Mapping[str, str] = {}
    wheelhouses: Mapping[str, Wheelhouse] = {}
    files: tuple[CarriedFile, ...] = ()
    retries: Annotated[int, Meta(ge=0)] = 1
    deadline_s: float | None = None
    budget: float | None = None
    look_s: Annotated[float, Meta(gt=0)] = 5.0


class _Event(OpenDocument, tag_field="fleet"):
    pass


class VisitedEvent(_Event, tag="visited"):
    """A machine has been visited."""

    visit: MachineVisit


class SaidEvent(_Event, tag="said"):
    """A line for people about a machine."""

    machine: str
    message: str
    warning: bool = False


class UnitEvent(_Event, tag="unit"):
    """A unit has come to a state."""

    digest: str
    machine: str
    state: str
    note: str = ""
    seconds: float | None = None


Event = VisitedEvent | SaidEvent | UnitEvent


def parse_fleet_event(line: str) -> Event | None:
    """Parse a line of the process; return None for any other line."""
    if not line.startswith('{"fleet"'):
        return None
    try:
        return parse_document(line, Event, "the line", _LINE)  # type: ignore[arg-type] # a union is no class
    except DocumentError:
        return None
