"""A machine over SSH as an executor: it prepares itself, runs units one at a time, and finds them again."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncssh

from mlperf_home.contracts.codec import decode, to_line
from mlperf_home.contracts.fleet.units import UnitResult
from mlperf_home.fleet.controller.shell import MachineError, MachineLostError
from mlperf_home.fleet.controller.ssh.connection import connect
from mlperf_home.fleet.controller.ssh.copying import MachineFiles, files_of, send_all
from mlperf_home.fleet.controller.ssh.visiting import visit_on
from mlperf_home.fleet.controller.unit_requests import request_of, unit_folder
from mlperf_home.fleet.controller.visits import cpus_of, program_path
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import CarriedFile, FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine, VisitedFacts
    from mlperf_home.contracts.fleet.units import Unit
    from mlperf_home.fleet.controller.ssh.connection import Connection

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


class RemoteMachine:
    """One measured machine; `say` takes lines for people."""

    def __init__(self, machine: FleetMachine, job: FleetJob, say: Callable[[str], None]) -> None:
        self.machine, self._job, self._say = machine, job, say
        self._connection: Connection | None = None
        self._files: MachineFiles | None = None
        self._facts: VisitedFacts | None = None
        self._python = ""

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.machine.name

    @property
    def places(self) -> int:
        """One unit at a time."""
        return 1

    async def run(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Run an attempt of a unit to its end, or find it again; None if its runner died without a result.

        Raises:
            MachineLostError: the machine does not answer for too long.
            MachineError: it cannot be used.
        """
        await self._prepared()
        folder = self._unit_folder(unit, attempt)
        while True:
            answer = await self._started(folder, unit, attempt)
            if answer["state"] != "busy":
                break
            self._say(f"waits: {answer.get('by') or 'another measurement'} is running there")
            await self._ask("free", self.machine.lock_dir, json.dumps(cpus_of(self.machine)))
        return self._result(await self._ask("ended", folder))

    async def find(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Return the result of an attempt that has ended; None if it runs, or never had one."""
        await self._prepared(install=False)
        return self._result(await self._ask("outcome", self._unit_folder(unit, attempt)))

    async def stop(self, unit: Unit, attempt: int) -> UnitResult | None:
        """End an attempt of a unit; return its result if it has one."""
        await self._prepared(install=False)
        return self._result(await self._ask("stop", self._unit_folder(unit, attempt)))

    async def collect(self, unit: Unit, attempt: int, result: UnitResult, target: Path) -> None:
        """Copy the packed outputs of a unit to a folder here.

        Raises:
            MachineError: they are gone, or damaged.
        """
        remote = f"{self._unit_folder(unit, attempt)}/outputs.tar.gz"
        await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
        while True:
            connection = await self._reached()
            try:
                files = await self._opened_files(connection)
                await files.fetch(remote, target / "outputs.tar.gz", result.outputs, result.outputs_bytes)
            except (MachineLostError, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError):
                self._forget(connection)
                continue
            except asyncssh.SFTPError as error:
                advice = "run the fleet again: the unit is measured anew"
                raise MachineError(self.name, f"{remote} is gone ({error.reason})", advice) from None
            return

    def close(self) -> None:
        """Close the connection; what runs there runs on."""
        if self._connection:
            self._connection.close()
        self._connection = self._files = None

    async def _started(self, folder: str, unit: Unit, attempt: int) -> dict[str, Any]:
        request = to_line(request_of(self.machine, self._job, unit, attempt, self._folder(), self._python)).encode()
        while True:
            connection = await self._reached()
            try:
                files = await self._opened_files(connection)
                if await files.size(f"{folder}/request.json") < 0:
                    await files.make_folders(folder)
                    await files.write(f"{folder}/request.json", request)
                return await connection.ask(self._program(), "start", folder)
            except (MachineLostError, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError):
                self._forget(connection)
            except asyncssh.SFTPError as error:
                advice = "free space there, or set `folder` to a place with more"
                raise MachineError(self.name, f"{folder} cannot be written ({error.reason})", advice) from None

    def _result(self, answer: dict[str, Any]) -> UnitResult | None:
        if answer.get("state") != "ended":
            return None
        try:
            return decode(answer.get("result"), UnitResult, f"{self.name}: the unit's result")
        except DocumentError as error:
            raise MachineError(self.name, str(error), "remove the fleet's folder there") from None

    async def _prepared(self, *, install: bool = True) -> None:
        """Copy what the machine needs, and make its environment, once in this process."""
        while self._facts is None or (install and not self._python):
            connection = await self._reached()
            try:
                await self._prepare(connection, install=install)
            except (MachineLostError, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError):
                self._forget(connection)

    async def _prepare(self, connection: Connection, *, install: bool) -> None:
        visit = await visit_on(connection, self._job)
        if visit.problems or visit.facts is None:
            raise MachineError(self.name, "; ".join(visit.problems), "run the fleet with --check")
        self._facts = visit.facts
        if not install:
            return
        folder, house = visit.facts.folder, self._job.wheelhouses.get(self.name)
        if house is None:
            raise MachineError(self.name, "has no environment in this job", "run the fleet again")
        files = await self._opened_files(connection)
        carried: dict[str, CarriedFile] = {f"{folder}/wheels/{each.name}": each for each in house.wheels}
        carried |= {f"{folder}/downloads/{each.name}": each for each in self._job.files}
        await files.make_folders(*(f"{folder}/{name}" for name in ("wheels", "downloads", "environments", "units")))
        if sent := await send_all(files, self._program(), carried):
            self._say(f"{sent} files copied")
        await files.write(f"{folder}/environments/{house.digest}.txt", house.requirements.encode())
        answer = await connection.ask(self._program(), "install", folder, house.digest)
        if answer.get("state") != "installed":
            problem = f"its environment cannot be made ({answer.get('problem')})"
            raise MachineError(self.name, problem, "free space there, or use another Python")
        self._python = str(answer["python"])

    async def _ask(self, name: str, *arguments: str) -> dict[str, Any]:
        """Ask a program there, on a new connection whenever one breaks: each of them may be asked again."""
        while True:
            connection = await self._reached()
            try:
                return await connection.ask(self._program(), name, *arguments)
            except MachineLostError as error:
                self._say(f"{error.problem}; trying to reach it again")
                self._forget(connection)

    async def _reached(self) -> Connection:
        """Return the open connection, or a new one.

        Raises:
            MachineLostError: the machine could not be reached for `lost_s`.
        """
        if self._connection:
            return self._connection
        clock, pause = asyncio.get_running_loop().time, _FIRST_PAUSE_S
        until = clock() + self._job.ssh.lost_s
        while True:
            try:
                self._connection = await connect(self.machine, self._job.ssh)
            except MachineLostError:  # noqa: PERF203 - each try waits
                if clock() >= until:
                    raise
                await asyncio.sleep(min(pause, max(0.0, until - clock())))
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                return self._connection

    def _forget(self, connection: Connection) -> None:
        with suppress(Exception):  # it is broken already
            connection.close()
        self._connection = self._files = None

    async def _opened_files(self, connection: Connection) -> MachineFiles:
        if self._files is None:
            self._files = await files_of(connection)
        return self._files

    def _folder(self) -> str:
        assert self._facts is not None  # noqa: S101 - set by _prepared
        return self._facts.folder

    def _program(self) -> str:
        return program_path(self.machine, self._job.program)

    def _unit_folder(self, unit: Unit, attempt: int) -> str:
        return unit_folder(self._folder(), unit, attempt)
