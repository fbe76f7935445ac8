"""A visit to a machine, by whatever reaches it: what it tells of itself, and what keeps it out of the fleet."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.fleet.machines import MachineVisit, VisitedFacts
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.fleet.controller.shell import MachineError
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.fleet.controller.shell import Shell

OLDEST_PYTHON = (3, 10)
_CLOCK_OFF_S = 120.0
_ANSWER_S = 60.0
# The environment, and room for results.
_LEAST_FREE_BYTES = 1 << 30
_HIGH_LOAD = 0.5
_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


async def visit_by(shell: Shell, job: FleetJob, put: Callable[[str], Awaitable[None]]) -> MachineVisit:
    """Return the facts of a machine, with its problems; `put` copies the archive of the programs to a path there.

    Raises:
        MachineError: it has no Python that can tell them.
        MachineLostError: it gave no answer.
    """
    machine = shell.machine
    await _require_python(shell)
    program = program_path(machine, job.program)
    await put(program)
    cpus = cpus_of(machine)
    before = time.time()
    words = (folder_of(machine), machine.lock_dir, json.dumps(cpus))
    answer = await shell.ask(program, "facts", *words, timeout_s=_ANSWER_S)
    middle = (before + time.time()) / 2
    if answer.get("state") == "failed":
        raise MachineError(machine.name, str(answer.get("problem")), "set `folder` to a place that can be written")
    try:
        facts = decode(answer, VisitedFacts, machine.name)
    except DocumentError as error:
        raise MachineError(
            machine.name, f"tells facts of another form ({error.fault})", "update this program"
        ) from None
    if machine.in_queue:  # what tells them is the controller; the nodes are unknown until a unit runs there
        nodes = {"cpu": None, "cpus": (), "memory_bytes": None, "load": None, "users": (), "busy": ""}
        facts = msgspec.structs.replace(facts, **nodes)
    off = facts.clock_s - middle
    needed = _LEAST_FREE_BYTES + sum(each.size for each in job.files)
    return MachineVisit(
        name=machine.name,
        facts=facts,
        clock_off_s=off,
        problems=tuple(_problems(facts, off, cpus, needed)),
        warnings=tuple(_warnings(facts)),
    )


def _problems(facts: VisitedFacts, off_s: float, cpus: list[int], needed: int) -> Iterable[str]:
    if abs(off_s) > _CLOCK_OFF_S:
        way = "ahead of" if off_s > 0 else "behind"
        yield f"its clock is {abs(off_s) / 60:.0f} minutes {way} this machine's; set it, for instance by NTP"
    if facts.free_bytes is not None and facts.free_bytes < needed:
        has, needs = facts.free_bytes / 2**30, needed / 2**30
        yield f"{facts.folder} has {has:.1f} GiB free and needs {needs:.1f}; free space, or set `folder`"
    if facts.cpus and (missing := sorted(set(cpus) - set(facts.cpus))):
        yield f"the account may not use CPU {missing[0]}; correct `cpuset` ({_ranges(facts.cpus)} may be used)"


def _warnings(facts: VisitedFacts) -> Iterable[str]:
    if facts.busy:
        yield f"{facts.busy} runs there; a unit waits for it"
    if facts.load is not None and facts.load > _HIGH_LOAD:
        yield f"its load is {facts.load:.1f} without us; measurements may be noisy"
    if facts.users:
        yield f"logged in: {', '.join(facts.users)}"


async def _require_python(shell: Shell) -> None:
    machine = shell.machine
    status, output, errors = await shell.shell(machine.python, "-c", _VERSION, timeout_s=_ANSWER_S)
    text = output.strip()
    oldest = ".".join(map(str, OLDEST_PYTHON))
    advice = f"install Python {oldest} or later there, or set `python` to its path"
    if status != 0 or not text.replace(".", "").isdigit():
        last = (errors.strip().splitlines() or [f"exit status {status}"])[-1]
        raise MachineError(machine.name, f"has no {machine.python} ({last})", advice)
    if tuple(int(part) for part in text.split("."))[:2] < OLDEST_PYTHON:
        raise MachineError(machine.name, f"its {machine.python} is Python {text}, which is too old", advice)


def program_path(machine: FleetMachine, program: Path) -> str:
    """Return the place of the archive on a machine; another version has another name."""
    return f"{folder_of(machine)}/programs/{sha256_of(program)[:16]}.pyz"


def folder_of(machine: FleetMachine) -> str:
    """Return the fleet's folder on a machine, absolute or below the account's home folder.

    The nodes of a queue share one file system, so each place in a queue has a folder of its own.
    """
    folder = machine.folder.removeprefix("~/").rstrip("/")
    return f"{folder}/{machine.name}" if machine.in_queue else folder


def cpus_of(machine: FleetMachine) -> list[int]:
    """Return the CPUs of a machine's cpuset; none for all."""
    cpus: set[int] = set()
    for part in machine.cpuset.split(",") if machine.cpuset else ():
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return sorted(cpus)


def _ranges(cpus: Iterable[Any]) -> str:
    """Return numbers as ranges: "0-3,8"."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and cpu == parts[-1][1] + 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
