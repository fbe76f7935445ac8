"""Units as jobs of a queue: found again, repeated, ended and collected; each is done once.

Slurm's programs are stand-ins that run jobs here, and write down what they were called with.
"""

from __future__ import annotations

import os
import shlex
import sys
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from fake_slurm import Cluster
from fleets import StubFleet

from mlperf_home.contracts.fleet.job import SaidEvent, SshOptions
from mlperf_home.contracts.fleet.machines import FleetMachine, SlurmOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
both_executors = pytest.mark.parametrize("executor", ["slurm", "local"])


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "cluster").make()


def fleet_of(cluster: Cluster, executor: Any = "slurm", *, lost_s: float = 60.0, **slurm: Any) -> StubFleet:
    root = cluster.root.parent
    machine = FleetMachine(
        name="cpu",
        executor=executor,
        python=sys.executable,
        folder=str(root / "shared"),
        lock_dir=str(root / "locks"),
        slurm=SlurmOptions(**slurm),
    )
    options = {"look_s": 0.05, "ssh": SshOptions(lost_s=lost_s)}
    return StubFleet(None, root / "home", (machine,), options=options, environment={"PATH": cluster.path})


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def told(path: Path) -> str:
    """Return what a unit says through a pipe, once it says it."""
    with path.open(encoding="utf-8") as file:
        return file.read().strip()


def let_go(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("\n")


def starts(count: Path) -> int:
    with suppress(FileNotFoundError):
        return len(count.read_text(encoding="utf-8").splitlines())
    return 0


def flags(script: str) -> list[str]:
    return [" ".join(shlex.split(line)[1:]) for line in script.splitlines() if line.startswith("#SBATCH")]


@both_executors
def test_a_unit_is_done_once_and_collected(cluster: Cluster, tmp_path: Path, executor: str) -> None:
    fleet, count = fleet_of(cluster, executor), tmp_path / "count"
    units = fleet.units(f"--count={count}", "--tell=hello")

    fleet.run("run", units)
    fleet.run("run", units)

    assert fleet.states(units) == ["done"]
    assert starts(count) == 1
    assert fleet.lines("done")[0].node == os.uname().nodename
    with tarfile.open(fleet.store.unit_folder("cpu", units[0].digest) / "outputs.tar.gz") as tar:
        member = tar.extractfile("home/results/told.txt")
        assert member is not None
        assert member.read() == b"hello"


def test_a_job_has_a_node_of_its_own(cluster: Cluster) -> None:
    fleet = fleet_of(cluster, partition="cpu", constraint="genoa&ddr5", account="lab", qos="night", nodelist="n[1-4]")
    units = fleet.units("--tell=hello")

    fleet.run("run", units, deadline_s=3600.0)

    found = flags(cluster.scripts()[0])
    assert {"--exclusive", "--nodes=1", "--mem=0", "--time=70"} <= set(found)
    assert {"--partition=cpu", "--constraint=genoa&ddr5", "--account=lab", "--qos=night"} <= set(found)
    assert {"--nodelist=n[1-4]", f"--job-name=mlperf-home-{units[0].digest[:32]}-1"} <= set(found)


def test_as_many_jobs_are_in_the_queue_as_allowed(cluster: Cluster) -> None:
    fleet = fleet_of(cluster, jobs=2)
    units = fleet.units("--tell={{N}}", N=[1, 2, 3])
    cluster.switch("hold", on=True)
    with fleet.start("run", units) as process:
        seen = [line for _, line in zip(range(4), process.output, strict=False)]
        submitted = cluster.running()
        fleet.run("stop", units, wheelhouses={})
        process.communicate()

    assert sum("is pending (Resources)" in line for line in seen) == 2
    assert submitted == ["1", "2"]


@both_executors
def test_a_killed_controller_finds_its_job_again(cluster: Cluster, tmp_path: Path, executor: str) -> None:
    fleet, count = fleet_of(cluster, executor), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        process.kill()

    with fleet.start("run", units) as again:
        let_go(until)
        again.communicate()

    assert fleet.states(units) == ["done"]
    assert starts(count) == 1


def test_a_result_made_without_a_controller_is_kept(cluster: Cluster, tmp_path: Path) -> None:
    fleet, count = fleet_of(cluster), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        process.kill()
    let_go(until)

    fleet.run("run", units)

    assert fleet.states(units) == ["done"]
    assert starts(count) == 1
    assert len(cluster.scripts()) == 1


def test_a_waiting_job_is_found_again(cluster: Cluster, tmp_path: Path) -> None:
    fleet, count = fleet_of(cluster), tmp_path / "count"
    units = fleet.units(f"--count={count}")
    cluster.switch("hold", on=True)
    with fleet.start("run", units) as process:
        next(line for line in process.output if "is pending" in line)
        process.kill()
    cluster.switch("hold", on=False)

    with fleet.start("run", units) as again:
        next(line for line in again.output if "is pending" in line)
        cluster.begin("1")
        again.communicate()

    assert fleet.states(units) == ["done"]
    assert len(cluster.scripts()) == starts(count) == 1


def test_a_lost_node_is_named_and_its_unit_repeated(cluster: Cluster, tmp_path: Path) -> None:
    fleet = fleet_of(cluster)
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}")
    with fleet.start("run", units, retries=1) as process:
        told(began)
        cluster.kill("1")
        told(began)  # the second attempt
        let_go(until)
        process.communicate()

    assert [each.state for each in fleet.lines()] == ["started", "failed", "started", "done"]
    assert "its job ended without a result" in fleet.lines("failed")[0].note


@both_executors
def test_a_failed_unit_is_repeated_and_then_named(cluster: Cluster, tmp_path: Path, executor: str) -> None:
    fleet, count = fleet_of(cluster, executor), tmp_path / "count"
    units = fleet.units(f"--count={count}", "--fail")

    fleet.run("run", units, retries=1)

    assert [each.note for each in fleet.lines("failed")] == ["the stub fails"] * 2
    assert starts(count) == 2


@both_executors
def test_a_deadline_ends_a_unit_before_its_job(cluster: Cluster, tmp_path: Path, executor: str) -> None:
    fleet, until = fleet_of(cluster, executor), pipe(tmp_path / "until")
    units = fleet.units(f"--until={until}")

    fleet.run("run", units, deadline_s=0.5)

    assert fleet.states(units) == ["deadline"]


@both_executors
def test_stopping_ends_what_runs(cluster: Cluster, tmp_path: Path, executor: str) -> None:
    fleet, began, until = fleet_of(cluster, executor), pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}", "--tell={{N}}", N=[1, 2])
    with fleet.start("run", units) as process:
        told(began)
        fleet.run("stop", units, wheelhouses={})
        process.communicate()

    assert sorted(fleet.states(units)) == ["", "stopped"]
    for number in cluster.running():
        cluster.await_end(number)


def test_stopping_takes_waiting_jobs_from_the_queue(cluster: Cluster) -> None:
    fleet = fleet_of(cluster)
    units = fleet.units("--tell=hello")
    cluster.switch("hold", on=True)
    with fleet.start("run", units) as process:
        next(line for line in process.output if "is pending" in line)
        fleet.run("stop", units, wheelhouses={})
        process.communicate()

    assert fleet.states(units) == ["stopped"]
    assert cluster.running() == []


def test_a_job_that_others_end_is_no_stop_of_ours(cluster: Cluster, tmp_path: Path) -> None:
    fleet, began, until = fleet_of(cluster), pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        cluster.scancel(["1"])
        process.communicate()

    assert [each.state for each in fleet.lines()] == ["started", "failed"]
    assert "was ended from outside" in fleet.lines("failed")[0].note


def test_collecting_submits_nothing(cluster: Cluster, tmp_path: Path) -> None:
    fleet, count = fleet_of(cluster), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}", "--tell={{N}}", N=[1, 2])
    with fleet.start("run", units) as process:
        told(began)
        process.kill()
    fleet.run("collect", units, wheelhouses={})
    assert sorted(fleet.states(units)) == ["", "started"]
    let_go(until)

    while "done" not in fleet.states(units):  # the runner packs its outputs
        fleet.run("collect", units, wheelhouses={})

    assert sorted(fleet.states(units)) == ["", "done"]
    assert starts(count) == 1


def test_a_silent_controller_of_slurm_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    fleet, count = fleet_of(cluster), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        cluster.switch("down", on=True)
        said = next(line for line in process.output if "trying again" in line)
        cluster.switch("down", on=False)
        let_go(until)
        process.communicate()

    assert "Unable to contact slurm controller" in said
    assert fleet.states(units) == ["done"]
    assert starts(count) == 1


def test_a_queue_that_is_silent_for_long_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    fleet, count = fleet_of(cluster, lost_s=0.0), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        cluster.switch("down", on=True)
        process.communicate()
    assert fleet.states(units) == ["lost"]
    cluster.switch("down", on=False)
    let_go(until)

    fleet.run("run", units)

    assert fleet.states(units) == ["done"]
    assert starts(count) == 1


def test_a_refused_job_is_named_in_slurms_words(cluster: Cluster) -> None:
    fleet = fleet_of(cluster)
    units = fleet.units("--tell=hello")
    cluster.switch("refuse", on=True)

    fleet.run("run", units)

    assert fleet.states(units) == ["refused"]
    assert "Job violates accounting/QOS policy" in fleet.lines("refused")[0].note


def test_files_lie_beside_the_units(cluster: Cluster, tmp_path: Path) -> None:
    from mlperf_home.fleet.wheelhouses import carried

    fleet, model = fleet_of(cluster), tmp_path / "model.onnx"
    model.write_bytes(os.urandom(300_000))

    first = fleet.run("run", fleet.units("--tell=1"), files=(carried(model),))
    second = fleet.run("run", fleet.units("--tell=2"), files=(carried(model),))

    assert (tmp_path / "shared" / "cpu" / "downloads" / "model.onnx").read_bytes() == model.read_bytes()
    said = [[each.message for each in events if isinstance(each, SaidEvent)] for events in (first, second)]
    assert "1 files copied" in said[0]
    assert "1 files copied" not in said[1]
