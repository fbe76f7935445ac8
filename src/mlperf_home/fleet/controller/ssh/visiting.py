"""Visits over SSH."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import asyncssh

from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.ssh.connection import connected
from mlperf_home.fleet.controller.ssh.copying import files_of
from mlperf_home.fleet.controller.visits import visit_by

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine, MachineVisit
    from mlperf_home.fleet.controller.ssh.connection import Connection


async def visit_over_ssh(machine: FleetMachine, job: FleetJob) -> MachineVisit:
    """Connect to a machine, and return its facts with its problems.

    Raises:
        MachineError: it cannot be reached, or has no Python that can tell them.
    """
    async with connected(machine, job.ssh) as connection:
        return await visit_on(connection, job)


async def visit_on(connection: Connection, job: FleetJob) -> MachineVisit:
    """Return the facts of a connected machine, with its problems.

    Raises:
        MachineError: it has no Python that can tell them.
        MachineLostError: the connection broke.
    """
    return await visit_by(connection, job, partial(_put_program, connection, job.program))


async def _put_program(connection: Connection, program: Path, path: str) -> None:
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
