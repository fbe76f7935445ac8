"""A place in a queue as an executor: each unit is a job with a node of its own.

All of it lies on the file system that the nodes share with this machine: the unit's request, what it leaves, and its
result, which is there before anybody hears of it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.contracts.codec import read_document, to_line
from mlperf_home.contracts.fleet.units import UNIT_LIMITS, UnitResult
from mlperf_home.fleet.controller.queue.jobs import JOB_FOLDER
from mlperf_home.fleet.controller.queue.local_jobs import LocalJobs
from mlperf_home.fleet.controller.queue.patient_jobs import PatientJobs
from mlperf_home.fleet.controller.queue.shared_folder import OtherHashError, copy, last_words, put_file, put_program
from mlperf_home.fleet.controller.queue.shell import LocalShell
from mlperf_home.fleet.controller.queue.slurm_jobs import SlurmJobs
from mlperf_home.fleet.controller.queue.visiting import visit_queue
from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.unit_requests import request_of, unit_folder
from mlperf_home.fleet.controller.visits import folder_of, program_path
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.contracts.fleet.units import Unit, UnitRequest

# A look at the queue costs its controller more than one at a file.
_LOOKS_A_LISTING = 6


class QueuePlace:
    """Nodes of a queue; `say` takes lines for people."""

    def __init__(self, machine: FleetMachine, job: FleetJob, say: Callable[[str], None]) -> None:
        self.machine, self._job, self._say = machine, job, say
        self._shell = LocalShell(machine)
        self._folder = Path.home() / folder_of(machine)
        self._program = str(Path.home() / program_path(machine, job.program))
        jobs = (
            SlurmJobs(machine, self._shell, job.look_s * _LOOKS_A_LISTING)
            if machine.executor == "slurm"
            else LocalJobs(self._shell, self._program)
        )
        self._jobs = PatientJobs(jobs, job.look_s, job.ssh.lost_s, say)
        self._preparing = asyncio.Lock()
        self._python = ""

    @property
    def name(self) -> str:
        """The place's name."""
        return self.machine.name

    @property
    def places(self) -> int:
        """How many units run at the same time, each on a node of its own."""
        return self.machine.slurm.jobs

    async def run(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Submit an attempt of a unit and wait for its end, or find its job again.

        Raises:
            MachineLostError: the queue does not answer for too long.
            MachineError: it takes no such job, or the shared folder cannot be used.
        """
        await self._prepared()
        folder = self._unit_folder(unit, attempt)
        await self._jobs.until_ended(folder, unit.label or unit.target)
        result = self._result(folder)
        if result is None and not (folder / "pid").exists():
            await self._submit(unit, attempt, folder)
            await self._jobs.until_ended(folder, unit.label or unit.target)
            result = self._result(folder)
        if result is None:
            problem = f"its job ended without a result: {last_words(folder / JOB_FOLDER)}"
            return UnitResult(unit=unit.digest, state="failed", problem=problem)
        return _not_by_us(result)

    async def find(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Return the result of an attempt that has ended; None if it runs, waits, or never had one."""
        result = self._result(self._unit_folder(unit, attempt))
        return result and _not_by_us(result)

    async def stop(self, unit: Unit, attempt: int) -> UnitResult | None:
        """End the job of an attempt; return its result if it has one."""
        folder = self._unit_folder(unit, attempt)
        put_program(self._job.program, Path(self._program))
        if self._result(folder) is None and await self._jobs.find(folder):
            await self._jobs.cancel(folder)
            await self._jobs.until_ended(folder, unit.label or unit.target)
        return self._result(folder)

    async def collect(self, unit: Unit, attempt: int, result: UnitResult, target: Path) -> None:
        """Copy the packed outputs of a unit to a folder of the fleet.

        Raises:
            MachineError: they are gone, or damaged.
        """
        source = self._unit_folder(unit, attempt) / "outputs.tar.gz"
        advice = "run the fleet again: the unit is measured anew"
        try:
            await asyncio.to_thread(copy, source, target / source.name, result.outputs)
        except OtherHashError:
            raise MachineError(self.name, f"{source} has another hash than its result says", advice) from None
        except FileNotFoundError:
            raise MachineError(self.name, f"{source} is gone", advice) from None

    def close(self) -> None:
        """Let go of the queue; what is in it stays there."""

    async def _prepared(self) -> None:
        """Copy what units need, and make their environment, once in this process."""
        async with self._preparing:
            if self._python:
                return
            visit = await visit_queue(self.machine, self._job)
            if visit.problems:
                raise MachineError(self.name, "; ".join(visit.problems), "run the fleet with --check")
            try:
                self._python = await self._install()
            except OtherHashError as error:
                raise MachineError(self.name, f"{error} changed while it was copied", "run the fleet again") from None
            except OSError as error:
                raise self._unwritable(error) from None

    async def _install(self) -> str:
        house = self._job.wheelhouses.get(self.name)
        if house is None:
            raise MachineError(self.name, "has no environment in this job", "run the fleet again")
        carried = [(each, self._folder / "wheels" / each.name) for each in house.wheels]
        carried += [(each, self._folder / "downloads" / each.name) for each in self._job.files]
        if sent := sum([await asyncio.to_thread(put_file, each, path) for each, path in carried]):
            self._say(f"{sent} files copied")
        (self._folder / "environments").mkdir(parents=True, exist_ok=True)
        replace_text(self._folder / "environments" / f"{house.digest}.txt", house.requirements)
        answer = await self._shell.ask(self._program, "install", str(self._folder), house.digest)
        if answer.get("state") != "installed":
            problem = f"its environment cannot be made ({answer.get('problem')})"
            raise MachineError(self.name, problem, "free space there, or use another Python")
        return str(answer["python"])

    async def _submit(self, unit: Unit, attempt: int, folder: Path) -> None:
        """Write the request of an attempt, and submit a job for it."""
        request = request_of(self.machine, self._job, unit, attempt, str(self._folder), self._python)
        self._write(folder, request)
        argv = [self.machine.python, "-I", self._program, "run", str(folder)]
        await self._jobs.submit(folder, argv, request.deadline_s)

    def _write(self, folder: Path, request: UnitRequest) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            replace_text(folder / "request.json", to_line(request))
        except OSError as error:
            raise self._unwritable(error) from None

    def _result(self, folder: Path) -> UnitResult | None:
        path = folder / "result.json"
        if not path.exists():
            return None
        try:
            return read_document(path, UnitResult, UNIT_LIMITS)
        except DocumentError as error:
            raise MachineError(self.name, str(error), f"remove {folder}") from None

    def _unwritable(self, error: OSError) -> MachineError:
        advice = "free space there, or set `folder` to a place that is shared with the nodes and can be written"
        return MachineError(self.name, f"{error.filename or self._folder}: {error.strerror}", advice)

    def _unit_folder(self, unit: Unit, attempt: int) -> Path:
        return Path(unit_folder(str(self._folder), unit, attempt))


def _not_by_us(result: UnitResult) -> UnitResult:
    """Return a stopped unit as a failed one: a fleet's run ends before the fleet stops its units."""
    if result.state != "stopped":
        return result
    problem = "its job was ended from outside: by scancel, its time limit, or for another job"
    return msgspec.structs.replace(result, state="failed", problem=problem)
