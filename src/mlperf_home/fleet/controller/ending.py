"""End what a fleet runs, or collect what has ended, on machines where the store says that units were started."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from mlperf_home.fleet.controller.executors import executor_of
from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.units_run import UnitsRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.store import UnitLine
    from mlperf_home.contracts.fleet.units import Unit
    from mlperf_home.fleet.controller.units_run import Endable
    from mlperf_home.fleet.store import FleetStore

    Tell = Callable[[UnitLine], None]
    Say = Callable[[str, str], None]


async def stop_units(job: FleetJob, store: FleetStore, tell: Tell, say: Say) -> None:
    """End every unit that was started and has no outcome; collect the results that there are."""
    await _for_each_machine(job, store, tell, say, _stop)


async def collect_units(job: FleetJob, store: FleetStore, tell: Tell, say: Say) -> None:
    """Collect the result of every unit that has ended since; leave those that run."""
    await _for_each_machine(job, store, tell, say, _collect)


async def _for_each_machine(job: FleetJob, store: FleetStore, tell: Tell, say: Say, act: Callable[..., object]) -> None:
    run = UnitsRun(store, job.units, {each.name: each.price_per_hour for each in job.machines}, tell, retries=0)
    started: dict[str, list[Unit]] = {}
    for unit in run.open.values():
        if where := run.history(unit).started_on:
            started.setdefault(where, []).append(unit)

    async def visited(machine: Endable, units: list[Unit]) -> None:
        try:
            for unit in units:
                await act(machine, run, unit)  # type: ignore[misc] # both are coroutines
        except MachineError as error:
            say(machine.name, f"{error.problem}; {error.advice}")
        finally:
            machine.close()

    machines = {each.name: executor_of(each, job, partial(say, each.name)) for each in job.machines}
    await asyncio.gather(*(visited(machines[name], units) for name, units in started.items() if name in machines))


async def _stop(machine: Endable, run: UnitsRun, unit: Unit) -> None:
    result = await machine.stop(unit, run.next_attempt(machine.name, unit))
    if result is None:
        run.settle(unit, "stopped", machine.name, "ended before it had a result")
    else:
        await run.take(machine, unit, result)


async def _collect(machine: Endable, run: UnitsRun, unit: Unit) -> None:
    if result := await machine.find(unit, run.next_attempt(machine.name, unit)):
        await run.take(machine, unit, result)
