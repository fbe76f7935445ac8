"""Visits to a queue: this machine's facts, and whether Slurm would take a job."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.fleet.controller.queue.shared_folder import put_program
from mlperf_home.fleet.controller.queue.shell import LocalShell
from mlperf_home.fleet.controller.queue.slurm_jobs import slurm_error, slurm_parameters
from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.unit_requests import deadline_of
from mlperf_home.fleet.controller.visits import visit_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine, MachineVisit

_PROGRAMS = ("sbatch", "srun", "squeue", "scancel")
_ANSWER_S = 60.0


async def visit_queue(machine: FleetMachine, job: FleetJob) -> MachineVisit:
    """Return the facts of this machine, which the nodes are taken to share, and what Slurm says of such a job.

    Raises:
        MachineError: there is no Python that can tell them.
    """
    shell = LocalShell(machine)

    async def put(path: str) -> None:
        try:
            await asyncio.to_thread(put_program, job.program, Path.home() / path)
        except OSError as error:
            advice = "free space there, or set `folder` to a place that is shared with the nodes and can be written"
            raise MachineError(machine.name, f"{error.filename}: {error.strerror}", advice) from None

    visit = await visit_by(shell, job, put)
    if machine.executor != "slurm":
        return visit
    problems = tuple([each async for each in _slurm_problems(shell, job)])
    return msgspec.structs.replace(visit, problems=(*visit.problems, *problems))


async def _slurm_problems(shell: LocalShell, job: FleetJob) -> AsyncIterator[str]:
    """Yield what keeps Slurm from taking a job of a unit; `sbatch --test-only` submits none."""
    if missing := [each for each in _PROGRAMS if shutil.which(each) is None]:
        yield f"{missing[0]} is not on this machine; run the fleet on a login node of the cluster"
        return
    words = _flags(slurm_parameters(shell.machine, deadline_of(shell.machine, job)))
    status, _, errors = await shell.shell("sbatch", "--test-only", *words, "--wrap=true", timeout_s=_ANSWER_S)
    if status:
        error = slurm_error(shell.machine, "sbatch", errors)
        yield f"{error.problem}; {error.advice}"


def _flags(parameters: dict[str, object]) -> Iterator[str]:
    for name, value in parameters.items():
        yield f"--{name}" if value is True else f"--{name}={value}"
