"""The files of a fleet on the controller: its description, and the lines of its store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import OpenDocument
from mlperf_home.contracts.fleet.machines import FleetMachine, Name
from mlperf_home.contracts.fleet.units import Digest, Unit
from scriptgraph.files.json_reader import Limits

FLEET_LIMITS = Limits(size=64 << 20, depth=8, values=4_000_000)
"""Limits for a hundred thousand units."""
LINE_LIMITS = Limits(size=1 << 18, depth=4, values=200)

State = Literal["started", "done", "failed", "deadline", "stopped", "lost", "refused", "left-out"]
FINAL: frozenset[str] = frozenset({"done"})
"""The states after which a unit is not run again."""


class FleetDescription(OpenDocument):
    """fleet.json: a fleet; written anew when the same fleet is run with other machines.

    Attributes:
        command: the command as typed.
        created: the time of creation in UTC, ISO 8601.
        ssh_config, known_hosts, key: SSH's files, as in machines.yaml.
    """

    schema: Literal["mlperf-home/fleet/1"] = "mlperf-home/fleet/1"
    name: Name
    command: tuple[str, ...]
    created: str
    currency: str
    machines: tuple[FleetMachine, ...]
    ssh_config: Path | None = None
    known_hosts: Path | None = None
    key: Path | None = None
    units: tuple[Unit, ...]


class UnitLine(OpenDocument):
    """A line of the store: a unit has come to a state.

    Attributes:
        time_s: the controller's clock, in seconds since 1970.
        machine: the machine; "" if the unit is on none.
        attempt: the number of the attempt there, from 1.
        seconds: how long the unit ran; None unless it has ended.
        cost: its price; None if the machine has none.
        note: the reason of a state that is not wanted, in a line.
        boot: the identity of the machine's boot when the unit was started.
        node: the computer that ran the unit; "" unless it has ended.
    """

    unit: Digest
    state: State
    time_s: float
    machine: str = ""
    attempt: Annotated[int, Meta(ge=0)] = 0
    seconds: float | None = None
    cost: float | None = None
    note: str = ""
    boot: str = ""
    node: str = ""


class StopLine(OpenDocument):
    """A line of the store: the fleet is to stop."""

    stop: Literal[True]
    time_s: float
