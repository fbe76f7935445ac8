"""Jobs in Slurm: submitted by Submitit, found again by squeue under the unit's digest.

Submitit itself looks at jobs by sacct, which a small cluster may not have, and by their numbers, which a killed
controller may not have written down.
"""

from __future__ import annotations

import asyncio
import getpass
import math
from typing import TYPE_CHECKING, Any

import submitit
from submitit.core.utils import FailedJobError

from mlperf_home.fleet.controller.queue.jobs import JOB_FOLDER, QueuedJob, job_minutes
from mlperf_home.fleet.controller.shell import MachineError, MachineLostError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.fleet.controller.queue.shell import LocalShell

_ANSWER_S = 60.0
_FIELDS = "%i|%T|%r|%j"
# What Slurm's programs say when its controller does not answer them.
_SILENT = ("Unable to contact", "Socket timed out", "Connection refused", "Zero Bytes were transmitted")
# With Slurm's minute, less than the time between a unit's deadline and its job's.
_SIGNAL_S = 30


class SlurmJobs:
    """This account's jobs in Slurm."""

    def __init__(self, machine: FleetMachine, shell: LocalShell, look_s: float) -> None:
        """Prepare to look at jobs, at most once in `look_s`."""
        self._machine, self._shell, self._look_s = machine, shell, look_s
        self._listed: dict[str, QueuedJob] = {}
        self._listed_at, self._changes = -math.inf, 0
        self._one_look = asyncio.Lock()

    async def find(self, unit: Path) -> QueuedJob | None:
        """Return the job of a unit, by its name; one look serves all units of this place."""
        async with self._one_look:
            clock = asyncio.get_running_loop().time
            if clock() - self._listed_at >= self._look_s:
                changes = self._changes
                self._listed = await self._list()
                # A job that was submitted meanwhile may be missing.
                self._listed_at = clock() if changes == self._changes else -math.inf
        return self._listed.get(_name(unit))

    async def submit(self, unit: Path, argv: Sequence[str], deadline_s: float | None) -> None:
        """Submit a job with a node of its own."""
        try:
            await asyncio.to_thread(self._submit, unit, list(argv), deadline_s)
        except FailedJobError as error:
            raise slurm_error(self._machine, "sbatch", str(error)) from None
        except (OSError, RuntimeError) as error:  # Submitit's own, for a machine without srun
            raise MachineError(self._machine.name, f"no job can be submitted ({error})", "log in to Slurm") from None
        finally:
            self._look_again()

    async def cancel(self, unit: Path) -> None:
        """Cancel the job of a unit."""
        self._look_again()
        if job := await self.find(unit):
            self._look_again()
            status, _, errors = await self._shell.shell("scancel", job.number, timeout_s=_ANSWER_S)
            if status and await self.find(unit):  # it may have ended meanwhile
                raise slurm_error(self._machine, "scancel", errors)

    def _look_again(self) -> None:
        self._changes += 1
        self._listed_at = -math.inf

    def _submit(self, unit: Path, argv: list[str], deadline_s: float | None) -> None:
        executor = submitit.SlurmExecutor(unit / JOB_FOLDER)
        executor.update_parameters(
            job_name=_name(unit),
            signal_delay_s=_SIGNAL_S,
            wckey=None,  # Submitit's own is refused where keys are registered
            srun_args=["--cpu-bind=none"],
            **slurm_parameters(self._machine, deadline_s),
        )
        executor.submit(submitit.helpers.CommandFunction(argv))

    async def _list(self) -> dict[str, QueuedJob]:
        words = ("squeue", "--noheader", f"--user={getpass.getuser()}", f"--format={_FIELDS}")
        status, output, errors = await self._shell.shell(*words, timeout_s=_ANSWER_S)
        if status:
            raise slurm_error(self._machine, "squeue", errors)
        found: dict[str, QueuedJob] = {}
        for line in output.splitlines():
            number, *words_of_job = line.strip().split("|", 3)
            if len(words_of_job) == 3:  # noqa: PLR2004 - the fields after the number
                state, reason, name = words_of_job
                found[name] = QueuedJob(number, state, reason)
        return found


def slurm_parameters(machine: FleetMachine, deadline_s: float | None) -> dict[str, Any]:
    """Return what a unit's job needs, by the names of sbatch's options with underscores."""
    options = machine.slurm
    time = options.time_limit or (None if deadline_s is None else job_minutes(deadline_s))
    values: dict[str, Any] = {
        "nodes": 1, "exclusive": True, "mem": "0", "time": time, "partition": options.partition,
        "constraint": options.constraint, "nodelist": options.nodelist, "account": options.account, "qos": options.qos,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value}


def slurm_error(machine: FleetMachine, program: str, errors: str) -> MachineError:
    """Return the error of one of Slurm's programs, in its own words."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    problem = f"{program} failed ({' | '.join(lines[-2:]) or 'without a word'})"
    if any(each in errors for each in _SILENT):
        return MachineLostError(machine.name, problem, "look at Slurm's controller by scontrol ping")
    return MachineError(machine.name, problem, "correct the options for Slurm; sinfo shows its partitions")


def _name(unit: Path) -> str:
    return f"mlperf-home-{unit.name}"
