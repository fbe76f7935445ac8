"""Drive a fleet: python -m mlperf_home.fleet.controller --job F.json; prints events, one line of JSON each."""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line, read_document
from mlperf_home.contracts.fleet.job import JOB_LIMITS, FleetJob, SaidEvent, UnitEvent, VisitedEvent
from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.errors import LocatedError
from mlperf_home.fleet.controller.ending import collect_units, stop_units
from mlperf_home.fleet.controller.executors import executor_of, visit_all
from mlperf_home.fleet.controller.units_run import UnitsRun
from mlperf_home.fleet.store import FleetError, FleetStore
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from typing import BinaryIO

    from mlperf_home.contracts.fleet.store import UnitLine

_PATIENCE_S = 10


def main() -> int:
    """Do a job; print an error as one line. Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=Path, required=True)
    try:
        job = read_document(parser.parse_args().job, FleetJob, JOB_LIMITS)
        asyncio.run(_ACTIONS[job.action](job))
    except (LocatedError, ScriptGraphError) as error:
        print_failure(error)
        return 1
    return 0


async def _visit(job: FleetJob) -> None:
    async for visit in visit_all(job.machines, job):
        print_line(VisitedEvent(visit=visit))


async def _run(job: FleetJob) -> None:
    from mlperf_home.fleet.controller.scheduling import Scheduling  # noqa: PLC0415 - Dask takes a second to import

    store = FleetStore(job.folder)
    with await _held(store):
        prices = {each.name: each.price_per_hour for each in job.machines}
        run = UnitsRun(store, job.units, prices, _tell, retries=job.retries, budget=job.budget)
        for damage in run.damages:
            _say("", damage)
        run.name_out_of_reach(job.out_of_reach)
        executors = {each.name: executor_of(each, job, partial(_say, each.name)) for each in job.machines}
        await Scheduling(run, executors, job.folder / "dask").until_settled()


async def _collect(job: FleetJob) -> None:
    store = FleetStore(job.folder)
    with store.hold():
        await collect_units(job, store, _tell, _say)


async def _stop(job: FleetJob) -> None:
    store = FleetStore(job.folder)
    store.ask_to_stop()
    with store.hold(wait=True):
        await stop_units(job, store, _tell, _say)


async def _held(store: FleetStore) -> BinaryIO:
    """Lock the fleet; a process whose parent was killed needs a moment to notice it."""
    for _ in range(_PATIENCE_S):
        try:
            return store.hold()
        except FleetError:  # noqa: PERF203 - each try waits a second
            await asyncio.sleep(1)
    return store.hold()


def _tell(line: UnitLine) -> None:
    print_line(
        UnitEvent(digest=line.unit, machine=line.machine, state=line.state, note=line.note, seconds=line.seconds)
    )


def _say(machine: str, message: str) -> None:
    print_line(SaidEvent(machine=machine, message=message))


_ACTIONS = {"visit": _visit, "run": _run, "collect": _collect, "stop": _stop}

if __name__ == "__main__":
    sys.exit(main())
