"""Give units to machines with Dask: one at a time on each place, the longest first, without a port.

Scheduler and workers live in this process and speak through its memory: Dask's other transports would let anybody who
reaches their port run code. A worker stands for a machine; its task only awaits the connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker

from mlperf_home.fleet.controller.shell import MachineError, MachineLostError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.contracts.fleet.store import State
    from mlperf_home.contracts.fleet.units import Unit
    from mlperf_home.fleet.controller.units_run import Executor, UnitsRun

_LOOK_S = 1.0
_CANCELLED_AT_ONCE = 100
_SETTINGS: dict[str, Any] = {
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.allowed-failures": 1_000_000,
    "distributed.scheduler.work-stealing": True,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    # With a thousand machines on a busy computer, the first turns of the loop take minutes.
    "distributed.comm.timeouts.connect": "1h",
    "distributed.comm.timeouts.tcp": "1h",
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "1h",
}
# The tasks of a run find it here: in one process nothing has to be sent.
_runs: dict[str, Scheduling] = {}


class _QuietScheduler(Scheduler):  # type: ignore[misc] # distributed ships no types
    """A scheduler without a web page, which would open a port."""

    def start_http_server(self, *_arguments: Any, **_options: Any) -> None:
        """Open no port."""


class _QuietWorker(Worker):  # type: ignore[misc] # distributed ships no types
    """A worker without a web page, which would open a port."""

    def start_http_server(self, *_arguments: Any, **_options: Any) -> None:
        """Open no port."""


class Scheduling:
    """The units of a run on Dask's workers."""

    def __init__(self, run: UnitsRun, executors: Mapping[str, Executor], scratch: Path) -> None:
        """Prepare a schedule; `scratch` is a folder for Dask's files."""
        self.run, self.executors, self._scratch = run, executors, scratch
        self._units = dict(run.open)
        self._left = set(executors)
        self._futures: dict[str, Any] = {}
        self._looked_for: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._cluster: Any = None
        self._client: Any = None
        self._settled = asyncio.Event()
        self._key = f"{os.getpid()}-{id(self)}"

    async def until_settled(self) -> None:
        """Run all units to an outcome, or until the fleet is to stop or this process's parent has ended."""
        parent = os.getppid()
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        _runs[self._key] = self
        try:
            with dask.config.set(_SETTINGS):
                async with (
                    self._opened_cluster() as self._cluster,
                    Client(self._cluster, asynchronous=True) as self._client,
                ):
                    for unit in sorted(self._units.values(), key=self._urgency, reverse=True):
                        self._submit(unit)
                    while self.run.open and not self.run.must_stop() and os.getppid() == parent:
                        await self._settled_soon()
                    for executor in self.executors.values():
                        executor.close()
                    await self._cancel_open()
        finally:
            del _runs[self._key]

    async def _cancel_open(self) -> None:
        """Cancel what has not ended, a few at a time: Dask takes the square of their number."""
        left = [each for each in self._futures.values() if not each.done()]
        for start in range(0, len(left), _CANCELLED_AT_ONCE):
            await self._client.cancel(left[start : start + _CANCELLED_AT_ONCE], force=True)

    def _opened_cluster(self) -> Any:
        common = {"memory_limit": 0, "protocol": "inproc://", "local_directory": str(self._scratch)}
        workers = {
            name: {
                "cls": _QuietWorker,
                "options": {
                    **common, "name": name, "nthreads": executor.places,
                    "resources": self._targets(name),
                },
            }
            for name, executor in self.executors.items()
        }  # fmt: skip
        scheduler = {"cls": _QuietScheduler, "options": {"protocol": "inproc://", "dashboard": False}}
        return SpecCluster(workers=workers, scheduler=scheduler, asynchronous=True, silence_logs=logging.ERROR)

    def _targets(self, name: str) -> dict[str, int]:
        """Return the targets whose units a machine may run, as resources; its threads limit how many run at once."""
        return {
            f"of {each.target}": self.executors[name].places for each in self._units.values() if name in each.machines
        }

    def _submit(self, unit: Unit, *, again: bool = False) -> None:
        """Hand a unit to Dask; one that runs somewhere is looked for there before anything new begins."""
        started_on = self.run.history(unit).started_on
        if started_on in self._left & set(unit.machines):
            self._looked_for[unit.digest] = started_on
        looked_for = self._looked_for.get(unit.digest)
        self._futures[unit.digest] = self._client.submit(
            _perform,
            self._key,
            unit.digest,
            # Keys of one group: with a group each, Dask's bookkeeping grows with the square of the units.
            key=("unit-again" if again else "unit", unit.digest),
            resources={f"of {unit.target}": 1},
            workers=[looked_for] if looked_for else None,
            priority=self._urgency(unit),
            pure=False,
        )

    def _urgency(self, unit: Unit) -> float:
        """Return the order of a unit: what runs already, then units of unknown length, then the longest first."""
        if self.run.history(unit).started_on in self._left & set(unit.machines):
            return 2e9
        return 1e9 if unit.expected_s is None else unit.expected_s

    async def _settled_soon(self) -> None:
        """Wait for the last unit or the next look; name a task that failed by a fault of this program."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._settled.wait(), _LOOK_S)
        for digest, future in list(self._futures.items()):
            if future.status == "error" and digest in self.run.open:
                error = await future.exception()
                self.run.settle(self._units[digest], "failed", note=f"a fault of this program: {error!r}")

    async def perform(self, worker: Any, digest: str) -> None:
        """Run a unit on the machine of a worker."""
        unit, executor = self._units[digest], self.executors[worker.name]
        if self.run.must_stop():
            self._settled.set()
            await asyncio.Event().wait()  # until the run cancels it: nothing begins after a stop
        try:
            await self.run.perform(executor, unit)
        except MachineError as error:
            self._lose(worker, unit, error)
            if not self.run.open:
                self._settled.set()
            await asyncio.Event().wait()  # its worker is being closed: Dask gives the unit to another machine
        if not self.run.open:
            self._settled.set()

    def _lose(self, worker: Any, unit: Unit, error: MachineError) -> None:
        """Take a machine out; its units go to others, or are named where there are none."""
        name, problem = worker.name, f"{error.problem}; {error.advice}"
        state: State = "lost" if isinstance(error, MachineLostError) else "refused"
        self._left.discard(name)
        self.executors[name].close()
        self.run.note_lost(unit, state, name, problem)
        for each in list(self.run.open.values()):
            if not self._left & set(each.machines):
                self.run.settle(each, state, name, problem)
            elif self._looked_for.get(each.digest) == name:
                del self._looked_for[each.digest]
                self._submit(each, again=True)
        task = asyncio.create_task(self._close(worker))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, worker: Any) -> None:
        with suppress(Exception):  # Dask's own cleaning up: the worker is gone either way
            await self._cluster.scheduler.remove_worker(worker.address, stimulus_id="machine-lost", expected=True)
            await worker.close(executor_wait=False, nanny=False)


async def _perform(key: str, digest: str) -> None:
    await _runs[key].perform(get_worker(), digest)
