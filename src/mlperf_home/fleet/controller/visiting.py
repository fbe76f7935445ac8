"""Visit machines: what each tells of itself, and what keeps it out of the fleet."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import asyncssh

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.fleet.machines import MachineVisit, VisitedFacts
from mlperf_home.fleet.controller.connection import MachineError, connected
from mlperf_home.fleet.controller.copying import files_of, sha256_of
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.fleet.controller.connection import Connection

OLDEST_PYTHON = (3, 10)
_MOST_AT_ONCE = 50
_CLOCK_OFF_S = 120.0
_ANSWER_S = 60.0
# The environment, and room for results.
_LEAST_FREE_BYTES = 1 << 30
_HIGH_LOAD = 0.5
_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


async def visit_all(machines: Iterable[FleetMachine], job: FleetJob) -> AsyncIterator[MachineVisit]:
    """Visit machines side by side; yield each visit as it ends."""
    places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def visited(machine: FleetMachine) -> MachineVisit:
        async with places:
            try:
                async with connected(machine, job.ssh) as connection:
                    return await visit_on(connection, job)
            except MachineError as error:
                return MachineVisit(name=machine.name, problems=(f"{error.problem}; {error.advice}",))

    for visit in asyncio.as_completed([visited(each) for each in machines]):
        yield await visit


async def visit_on(connection: Connection, job: FleetJob) -> MachineVisit:
    """Return the facts of a machine, with its problems.

    Raises:
        MachineError: it has no Python that can tell them.
        MachineLostError: the connection broke.
    """
    machine = connection.machine
    await _require_python(connection)
    program = program_path(machine, job.program)
    await _put_program(connection, program, job.program)
    cpus = cpus_of(machine)
    before = time.time()
    words = (folder_of(machine), machine.lock_dir, json.dumps(cpus))
    answer = await connection.ask(program, "facts", *words, timeout_s=_ANSWER_S)
    middle = (before + time.time()) / 2
    if answer.get("state") == "failed":
        raise MachineError(machine.name, str(answer.get("problem")), "set `folder` to a place that can be written")
    try:
        facts = decode(answer, VisitedFacts, machine.name)
    except DocumentError as error:
        raise MachineError(
            machine.name, f"tells facts of another form ({error.fault})", "update this program"
        ) from None
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
    if missing := sorted(set(cpus) - set(facts.cpus)):
        yield f"the account may not use CPU {missing[0]}; correct `cpuset` ({_ranges(facts.cpus)} may be used)"


def _warnings(facts: VisitedFacts) -> Iterable[str]:
    if facts.busy:
        yield f"{facts.busy} runs there; a unit waits for it"
    if facts.load is not None and facts.load > _HIGH_LOAD:
        yield f"its load is {facts.load:.1f} without us; measurements may be noisy"
    if facts.users:
        yield f"logged in: {', '.join(facts.users)}"


async def _require_python(connection: Connection) -> None:
    machine = connection.machine
    status, output, errors = await connection.shell(machine.python, "-c", _VERSION, timeout_s=_ANSWER_S)
    text = output.strip()
    oldest = ".".join(map(str, OLDEST_PYTHON))
    advice = f"install Python {oldest} or later there, or set `python` to its path"
    if status != 0 or not text.replace(".", "").isdigit():
        last = (errors.strip().splitlines() or [f"exit status {status}"])[-1]
        raise MachineError(machine.name, f"has no {machine.python} ({last})", advice)
    if tuple(int(part) for part in text.split("."))[:2] < OLDEST_PYTHON:
        raise MachineError(machine.name, f"its {machine.python} is Python {text}, which is too old", advice)


async def _put_program(connection: Connection, path: str, program: Path) -> None:
    """Copy the archive of the programs, unless it is there."""
    files = await files_of(connection)
    try:
        content = await asyncio.to_thread(program.read_bytes)
        if await files.size(path) != len(content):
            await files.make_folders(path.rpartition("/")[0])
            await files.write(path, content)
    except asyncssh.SFTPError as error:
        advice = "free space there, or set `folder` to a place that can be written"
        raise MachineError(connection.machine.name, f"{path} cannot be written ({error.reason})", advice) from None


def program_path(machine: FleetMachine, program: Path) -> str:
    """Return the place of the archive on a machine; another version has another name."""
    return f"{folder_of(machine)}/programs/{sha256_of(program)[:16]}.pyz"


def folder_of(machine: FleetMachine) -> str:
    """Return the fleet's folder on a machine, absolute or below the account's home folder."""
    return machine.folder.removeprefix("~/").rstrip("/")


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
