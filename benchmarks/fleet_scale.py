"""A fleet of simulated machines: the cost of scheduling, and the time to go on after a kill.

    python benchmarks/fleet_scale.py [MACHINES] [UNITS]

Each unit lasts a random time of 20 ms on average; 2 % fail once, and one machine in a hundred is lost. The process is
killed when half of the units are done, and started again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.fleet.units import Unit, UnitResult
from mlperf_home.fleet.controller.shell import MachineLostError
from mlperf_home.fleet.store import FleetStore

if TYPE_CHECKING:
    from mlperf_home.contracts.fleet.store import UnitLine

_MEAN_S, _FAILING, _LOST = 0.02, 0.02, 0.01
_MIB = 1 << 10  # ru_maxrss is in KiB


class Simulated:
    """A machine whose units take a random time."""

    places = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self._dice = random.Random(name)  # noqa: S311 - durations and failures

    async def run(self, unit: Unit, attempt: int) -> UnitResult | None:
        """Wait, and end as the dice say."""
        seconds = self._dice.expovariate(1 / _MEAN_S)
        await asyncio.sleep(seconds)
        if self._dice.random() < _LOST / 10 and int(self.name) % 100 == 0:
            raise MachineLostError(self.name, "is gone", "nothing")
        failed = attempt == 1 and self._dice.random() < _FAILING
        return UnitResult(unit=unit.digest, state="failed" if failed else "done", seconds=seconds)

    async def collect(self, unit: Unit, attempt: int, result: UnitResult, target: Path) -> None:
        """Copy nothing."""

    def close(self) -> None:
        """Let go of nothing."""


def drive(folder: Path, machines: int, units: int) -> None:
    """Run all units, and print the time of the first event and what the process used."""
    start, first = time.monotonic(), list[float]()
    # Dask counts among the costs.
    from mlperf_home.fleet.controller.scheduling import Scheduling  # noqa: PLC0415 - as the fleet's process does
    from mlperf_home.fleet.controller.units_run import UnitsRun  # noqa: PLC0415 - as above

    def tell(_line: UnitLine) -> None:
        first[:] = first or [time.monotonic() - start]

    names = [str(number) for number in range(machines)]
    all_units = [
        Unit(
            digest=hashlib.sha256(f"{name} {number}".encode()).hexdigest(), label=str(number), words=("run", "script"),
            target=f"class {int(name) % 10}", machines=tuple(names[int(name) % 10 :: 10]),
        )
        for name in names
        for number in range(units)
    ]  # fmt: skip
    store = FleetStore(folder)
    folder.mkdir(exist_ok=True)
    with store.hold(wait=True):
        run = UnitsRun(store, all_units, {}, tell, retries=2)
        schedule = Scheduling(run, {name: Simulated(name) for name in names}, folder / "dask")
        asyncio.run(schedule.until_settled())
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.monotonic() - start, used.ru_utime + used.ru_stime
    print(f"first event after {first[0] if first else 0:.1f} s; {wall:.0f} s, {cpu:.0f} s of CPU, "
          f"{used.ru_maxrss / _MIB:.0f} MiB at most")  # fmt: skip


def main() -> None:
    """Run, kill, and run again; print the outcome."""
    if sys.argv[1:2] == ["--drive"]:
        drive(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return
    machines, units = (int(each) for each in (*sys.argv[1:], *("1000", "81")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "fleet"
        argv = [sys.executable, __file__, "--drive", str(folder), str(machines), str(units)]
        store, start = FleetStore(folder), time.monotonic()
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and _done(store) < machines * units // 2:
                time.sleep(1)
            process.kill()
        print(f"{machines} machines, {units} units each: half done and killed after {time.monotonic() - start:.0f} s")
        print("again:", subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())
        histories = store.histories([])
        done = sum(each.done for each in histories.values())
        twice = _done(store) - done
        print(f"{done} of {machines * units} units done, {twice} of them twice")


def _done(store: FleetStore) -> int:
    if not store.lines.path.exists():
        return 0
    return store.lines.path.read_bytes().count(b'"state": "done"')


if __name__ == "__main__":
    main()
