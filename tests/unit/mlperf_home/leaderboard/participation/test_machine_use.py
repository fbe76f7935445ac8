"""A machine is in use if others load it, if it runs on its battery, is warm, or somebody sits at it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlperf_home.leaderboard.participation.machine_use import MachineUse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
OWN = 50


class RecordedMachine:
    """The files of a machine with two CPUs, and its sessions."""

    def __init__(self, root: Path) -> None:
        self.root, self.at_s, self.sessions = root, 0.0, dict[str, str]()
        self.use = MachineUse(lambda: self.at_s, root, OWN, self.ask, (0, 1))

    def ask(self, argv: Sequence[str]) -> str | None:
        if argv[1] == "list-sessions":
            return "".join(f"{name} 1000 ada seat0 tty2\n" for name in self.sessions)
        return self.sessions[argv[2]]

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def busy(self, at_s: float, busy_s: float, own_s: float = 0, child_s: float = 0) -> None:
        self.at_s, ticks = at_s, round(busy_s * TICKS / 2)
        self.write("proc/stat", "".join(f"cpu{cpu} {ticks} 0 0 9999 5 0 0 0 0 0\n" for cpu in range(2)))
        for pid, parent, seconds in ((OWN, 1, own_s), (51, OWN, child_s), (99, 1, 1000)):
            self.write(f"proc/{pid}/stat", f"{pid} (a b) S {parent} 0 0 0 0 0 0 0 0 0 {round(seconds * TICKS)} 0 0 0 0")


@pytest.fixture
def machine(tmp_path: Path) -> RecordedMachine:
    return RecordedMachine(tmp_path)


def test_a_machine_that_tells_nothing_is_free(machine: RecordedMachine) -> None:
    assert machine.use.obstacles(running=False) == []
    assert machine.use.obstacles(running=False) == []


def test_the_load_of_others_is_an_obstacle(machine: RecordedMachine) -> None:
    machine.busy(0, 0)
    assert machine.use.obstacles(running=True) == []

    machine.busy(60, 30)
    assert machine.use.obstacles(running=True) == ["other programs use 25 % of its CPUs"]


def test_the_load_of_the_own_run_is_none(machine: RecordedMachine) -> None:
    machine.busy(0, 0)
    machine.use.obstacles(running=True)

    machine.busy(60, 119, own_s=18, child_s=100)
    assert machine.use.obstacles(running=True) == []


def test_a_battery_that_empties_is_an_obstacle(machine: RecordedMachine) -> None:
    machine.write("sys/class/power_supply/BAT0/type", "Battery\n")
    machine.write("sys/class/power_supply/BAT0/status", "Discharging\n")

    assert machine.use.obstacles(running=True) == ["it runs on its battery"]


@pytest.mark.parametrize(("scope", "status"), [("Device", "Discharging"), ("System", "Charging"), ("System", "Full")])
def test_other_batteries_are_none(machine: RecordedMachine, scope: str, status: str) -> None:
    for name, text in {"type": "Battery", "scope": scope, "status": status}.items():
        machine.write(f"sys/class/power_supply/BAT0/{name}", text)

    assert machine.use.obstacles(running=True) == []


def test_heat_counts_before_a_run_only(machine: RecordedMachine) -> None:
    machine.write("sys/class/hwmon/hwmon0/name", "coretemp")
    machine.write("sys/class/hwmon/hwmon0/temp1_input", "91000")

    assert machine.use.obstacles(running=False) == ["its CPU has 91 degrees C"]
    assert machine.use.obstacles(running=True) == []


def session(**changes: str) -> str:
    facts = {"Seat": "seat0", "State": "active", "Class": "user", "IdleHint": "no", "LockedHint": "no", **changes}
    return "".join(f"{name}={value}\n" for name, value in facts.items())


def test_somebody_at_the_console_is_an_obstacle(machine: RecordedMachine) -> None:
    machine.sessions = {"c1": session(Class="greeter"), "2": session()}

    assert machine.use.obstacles(running=True) == ["somebody is logged in at its console"]


@pytest.mark.parametrize(
    "changes", [{"IdleHint": "yes"}, {"LockedHint": "yes"}, {"Seat": ""}, {"State": "online"}, {"Class": "greeter"}]
)
def test_other_sessions_are_none(machine: RecordedMachine, changes: dict[str, str]) -> None:
    machine.sessions = {"2": session(**changes)}

    assert machine.use.obstacles(running=True) == []


def test_the_name_of_a_session_is_no_option(machine: RecordedMachine) -> None:
    machine.sessions = {"--help": session()}

    assert machine.use.obstacles(running=True) == []
