"""The executor of each machine, and its visit: over SSH, or by a queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlperf_home.contracts.fleet.machines import MachineVisit
from mlperf_home.fleet.controller.queue.place import QueuePlace
from mlperf_home.fleet.controller.queue.visiting import visit_queue
from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.ssh.remote import RemoteMachine
from mlperf_home.fleet.controller.ssh.visiting import visit_over_ssh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.fleet.controller.units_run import Endable

_MOST_AT_ONCE = 50


def executor_of(machine: FleetMachine, job: FleetJob, say: Callable[[str], None]) -> Endable:
    """Return the executor of a machine; `say` takes lines for people."""
    kind = QueuePlace if machine.in_queue else RemoteMachine
    return kind(machine, job, say)


async def visit_all(machines: Iterable[FleetMachine], job: FleetJob) -> AsyncIterator[MachineVisit]:
    """Visit machines side by side; yield each visit as it ends."""
    places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def visited(machine: FleetMachine) -> MachineVisit:
        visit = visit_queue if machine.in_queue else visit_over_ssh
        async with places:
            try:
                return await visit(machine, job)
            except MachineError as error:
                return MachineVisit(name=machine.name, problems=(f"{error.problem}; {error.advice}",))

    for visit in asyncio.as_completed([visited(each) for each in machines]):
        yield await visit
