"""Processes of this machine in place of a cluster's jobs, to try a command: Submitit's local executor wakes often."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import submitit

from mlperf_home.fleet.controller.queue.jobs import JOB_FOLDER, QueuedJob, job_minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.fleet.controller.queue.shell import LocalShell

_LONGEST_MIN = 60_000


class LocalJobs:
    """Processes of this machine."""

    def __init__(self, shell: LocalShell, program: str) -> None:
        self._shell, self._program = shell, program
        self._started: dict[str, submitit.Job[str]] = {}

    async def find(self, unit: Path) -> QueuedJob | None:
        """Return the process of a unit, of this or an earlier controller."""
        job = self._started.get(unit.name)
        if job is not None and job.state == "RUNNING":
            return QueuedJob(job.job_id, "RUNNING")
        answer = await self._shell.ask(self._program, "outcome", str(unit))
        return QueuedJob("here", "RUNNING") if answer.get("state") == "running" else None

    async def submit(self, unit: Path, argv: Sequence[str], deadline_s: float | None) -> None:
        """Start a process."""
        executor = submitit.LocalExecutor(unit / JOB_FOLDER)
        executor.update_parameters(timeout_min=_LONGEST_MIN if deadline_s is None else job_minutes(deadline_s))
        self._started[unit.name] = await asyncio.to_thread(
            executor.submit, submitit.helpers.CommandFunction(list(argv))
        )

    async def cancel(self, unit: Path) -> None:
        """End the process, and wait until it has written its result."""
        await self._shell.ask(self._program, "stop", str(unit))
