"""Each unit of a fleet is done once, whatever is killed: controller with scheduler and workers, runner, connections.

`.ci/long` kills 50 times.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from fake_slurm import Cluster
from fleets import StubFleet
from rounds import rounds
from ssh_machines import needs_sshd, ssh_bench

from mlperf_home.contracts.fleet.job import SshOptions
from mlperf_home.contracts.fleet.machines import FleetMachine, SlurmOptions

if TYPE_CHECKING:
    from pathlib import Path

    from ssh_machines import Bench

pytestmark = pytest.mark.slow

VALUES = [1, 2, 3]
# About as many events as a run of the six units prints.
LINES = 12


def kill_a_runner(bench: Bench, dice: random.Random) -> bool:
    """Kill the runner of a unit that has no result yet, if there is one."""
    files = [path for each in bench.machines.values() for path in each.folder.glob("fleet/units/*/pid")]
    open_ones = [path for path in files if not (path.parent / "result.json").exists()]
    if not open_ones:
        return False
    with suppress(ProcessLookupError, ValueError, FileNotFoundError):
        os.kill(int(dice.choice(open_ones).read_text(encoding="ascii")), signal.SIGKILL)
    return True


@needs_sshd
@pytest.mark.parametrize("number", rounds(4, 50))
def test_each_unit_is_done_once_whatever_is_killed(tmp_path: Path, number: int) -> None:
    dice = random.Random(number)  # noqa: S311 - chooses what is killed
    what = ("controller", "runner", "connections", "machine")[number % 4]
    count = tmp_path / "count"
    with ssh_bench(tmp_path / "bench") as bench:
        fleet = StubFleet(bench, tmp_path / "home", tuple(bench.add(name).entry() for name in "ab"))
        units = fleet.units(f"--count={count}", "--tell={{N}}", N=VALUES)
        runner_killed = False
        with fleet.start("run", units, retries=2) as process:
            for _, _ in zip(range(dice.randrange(1, LINES)), process.output, strict=False):
                pass
            if what == "controller":
                process.kill()
            elif what == "runner":
                runner_killed = kill_a_runner(bench, dice)
            else:
                machine = bench.machines[dice.choice("ab")]
                machine.stop()
                if what == "connections":
                    machine.start()
            process.communicate()
        if what == "machine":
            machine.start()
        fleet.run("run", units, retries=2)

        assert fleet.states(units) == ["done"] * len(units)
        done = [each.unit for each in fleet.lines("done")]
        assert sorted(done) == sorted(each.digest for each in units)
        starts = [line.rpartition("-")[0] for line in count.read_text(encoding="utf-8").split()]
        assert runner_killed or sorted(starts) == sorted(done)
        for unit, line in zip(units, fleet.lines("done"), strict=True):
            assert (fleet.store.unit_folder(line.machine, line.unit) / "outputs.tar.gz").exists()
            assert unit.digest in done


@pytest.mark.parametrize("number", rounds(2, 50))
def test_each_unit_of_a_queue_is_done_once_too(tmp_path: Path, number: int) -> None:
    dice = random.Random(number)  # noqa: S311 - chooses what is killed
    cluster, count = Cluster(tmp_path / "cluster").make(), tmp_path / "count"
    machine = FleetMachine(
        name="cpu", executor="slurm", python=sys.executable, folder=str(tmp_path / "shared"),
        lock_dir=str(tmp_path / "locks"), slurm=SlurmOptions(jobs=2),
    )  # fmt: skip
    options = {"look_s": 0.05, "ssh": SshOptions(lost_s=60.0), "retries": 2}
    fleet = StubFleet(None, tmp_path / "home", (machine,), options=options, environment={"PATH": cluster.path})
    units = fleet.units(f"--count={count}", "--tell={{N}}", N=[*VALUES, 4])
    with fleet.start("run", units) as process:
        for _, _ in zip(range(dice.randrange(1, LINES)), process.output, strict=False):
            pass
        job_killed = number % 2 and cluster.running()
        if job_killed:
            cluster.kill(dice.choice(job_killed))
        else:
            process.kill()
        process.communicate()

    fleet.run("run", units)

    assert fleet.states(units) == ["done"] * len(units)
    assert sorted(each.unit for each in fleet.lines("done")) == sorted(each.digest for each in units)
    starts = count.read_text(encoding="utf-8").split()
    assert job_killed or sorted(line.rpartition("-")[0] for line in starts) == sorted(each.digest for each in units)
    for line in fleet.lines("done"):
        assert (fleet.store.unit_folder(line.machine, line.unit) / "outputs.tar.gz").exists()
