"""A fleet of simulated machines: the cost of scheduling, and the time to go on after a kill.

    python benchmarks/fleet_scale.py [MACHINES] [UNITS] [--json=FILE]

Each unit lasts a random time of 20 ms on average, far less than a real one: what is measured is the scheduler. 2 % fail
once, and one machine in a hundred may be lost. The process is killed when half of the units are done, and started
again. It exits with 1 unless every unit is done once.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.fleet.units import Unit, UnitResult
from mlperf_home.fleet.controller.shell import MachineLostError
from mlperf_home.fleet.store import FleetStore

if TYPE_CHECKING:
    from mlperf_home.contracts.fleet.store import UnitLine

_MEAN_S, _FAILING, _LOST = 0.02, 0.02, 0.01
_MIB = 1 << 20


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
    """Run all units that are left; print the first events and what the process used, as JSON."""
    start, times = time.monotonic(), dict[str, float]()
    # Dask counts among the costs.
    from mlperf_home.fleet.controller.scheduling import Scheduling  # noqa: PLC0415 - as the fleet's process does
    from mlperf_home.fleet.controller.units_run import UnitsRun  # noqa: PLC0415 - as above

    def tell(line: UnitLine) -> None:
        times.setdefault(line.state, time.monotonic() - start)

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
        times["store read"] = time.monotonic() - start
        schedule = Scheduling(run, {name: Simulated(name) for name in names}, folder / "dask")
        asyncio.run(schedule.until_settled())
    print(json.dumps({"wall_s": time.monotonic() - start, "first_s": times}))


def main() -> int:
    """Run, kill, and run again; print the outcome, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", type=int, nargs="?", default=1000)
    parser.add_argument("units", type=int, nargs="?", default=81)
    parser.add_argument("--drive", type=Path)
    parser.add_argument("--json", type=Path)
    order = parser.parse_args()
    if order.drive:
        drive(order.drive, order.machines, order.units)
        return 0
    total = order.machines * order.units
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "fleet"
        store = FleetStore(folder)
        first = _run(folder, order, kill_at=total // 2)
        second = _run(folder, order, kill_at=None)
        histories = store.histories([])
        done = sum(each.done for each in histories.values())
        twice = _done(store.lines.path)[0] - done
        size_mib = store.lines.size() / _MIB
    print(f"{done} of {total} units done, {twice} of them twice; the store has {size_mib:.0f} MiB")
    if order.json:
        facts = {"killed": first, "again": second, "units": total, "done": done, "twice": twice}
        order.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0 if (done, twice) == (total, 0) else 1


def _run(folder: Path, order: argparse.Namespace, kill_at: int | None) -> dict[str, Any]:
    """Run the process, and watch what it uses; kill it when so many units are done."""
    argv = [sys.executable, __file__, "--drive", str(folder), str(order.machines), str(order.units)]
    lines = folder / "units.jsonl"
    start, used, done, first_done = time.monotonic(), _Used(), 0, 0.0
    _, place = _done(lines)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            used = _Used.of(process.pid) or used
            more, place = _done(lines, place)
            done += more
            first_done = first_done or (time.monotonic() - start if more else 0.0)
            if kill_at is not None and done >= kill_at:
                process.kill()
            time.sleep(0.2)
        text = process.communicate()[0].strip()
    told = json.loads(text) if text else {}
    wall = time.monotonic() - start
    how = "ended" if kill_at is None else "killed"
    print(f"{how} after {wall:.0f} s, {done} units done, the first after {first_done:.0f} s", told, flush=True)
    print(f"it used {used.cpu_s:.0f} s of CPU and at most {used.peak_mib:.0f} MiB", flush=True)
    return {"wall_s": wall, "first_done_s": first_done, "done": done, **vars(used), **told}


@dataclass(frozen=True)
class _Used:
    """What a process has used."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0

    @classmethod
    def of(cls, process: int) -> _Used | None:
        """Read what a running process has used; None if it has ended."""
        with suppress(OSError, IndexError, StopIteration):
            fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            status = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
            return cls((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024)
        return None


def _done(lines: Path, start: int = 0) -> tuple[int, int]:
    """Return the number of units done in lines from a place, and the place after the last whole line."""
    if not lines.exists():
        return 0, start
    with lines.open("rb") as file:
        file.seek(start)
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    return whole.count(b'"state": "done"'), start + len(whole)


if __name__ == "__main__":
    sys.exit(main())
