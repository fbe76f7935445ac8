"""Units over real SSH: found again, repeated, ended, and collected; each is done once."""

from __future__ import annotations

import os
import signal
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from fleets import StubFleet
from ssh_machines import namespace, needs_namespaces, needs_sshd

from mlperf_home.contracts.fleet.job import SaidEvent

if TYPE_CHECKING:
    from ssh_machines import Bench

pytestmark = [needs_sshd, pytest.mark.slow]


def fleet_of(bench: Bench, tmp_path: Path, *names: str, **more: object) -> StubFleet:
    machines = tuple(bench.add(name).entry(**more) for name in names)
    return StubFleet(bench, tmp_path / "home", machines)


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def told(path: Path) -> str:
    """Return what a unit says through a pipe, once it says it."""
    with path.open(encoding="utf-8") as file:
        return file.read().strip()


def runs(process: int) -> bool:
    """Whether a process has not ended; one that has may wait for its parent to notice."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    return False


def let_go(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("\n")


def test_each_machine_runs_the_command_once(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a", "b"), tmp_path / "count"
    units = fleet.units(f"--count={count}", "--tell=hello")

    fleet.run("run", units)
    fleet.run("run", units)

    assert fleet.states(units) == ["done", "done"]
    assert len(count.read_text(encoding="utf-8").splitlines()) == 2
    packed = fleet.store.unit_folder("a", units[0].digest) / "outputs.tar.gz"
    with tarfile.open(packed) as tar:
        member = tar.extractfile("home/results/told.txt")
        assert member is not None
        assert member.read() == b"hello"


def test_a_failed_unit_is_repeated_and_then_named(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a"), tmp_path / "count"
    units = fleet.units(f"--count={count}", "--fail")

    fleet.run("run", units, retries=2)

    assert [each.note for each in fleet.lines("failed")] == ["the stub fails"] * 3
    assert [line.rpartition("-")[2] for line in count.read_text(encoding="utf-8").split()] == ["1", "2", "3"]


def test_a_killed_controller_finds_its_unit_again(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a"), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        process.kill()

    with fleet.start("run", units) as again:
        let_go(until)
        again.communicate()

    assert fleet.states(units) == ["done"]
    assert len(count.read_text(encoding="utf-8").splitlines()) == 1


def test_a_result_made_without_a_controller_is_kept(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a"), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        process.kill()
    let_go(until)

    fleet.run("run", units)

    assert fleet.states(units) == ["done"]
    assert len(count.read_text(encoding="utf-8").splitlines()) == 1


def test_a_killed_runner_is_named_and_its_command_ended(bench: Bench, tmp_path: Path) -> None:
    fleet = fleet_of(bench, tmp_path, "a")
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}")
    runner = tmp_path / "bench" / "a" / "fleet" / "units" / f"{units[0].digest[:32]}-1" / "pid"
    with fleet.start("run", units, retries=1) as process:
        first = int(told(began))
        os.kill(int(runner.read_text(encoding="ascii")), signal.SIGKILL)
        told(began)  # the second attempt
        ended = not runs(first)
        let_go(until)
        process.communicate()

    assert ended
    assert [each.state for each in fleet.lines()] == ["started", "failed", "started", "done"]
    assert "died without a result" in fleet.lines("failed")[0].note


def test_a_broken_connection_ends_nothing(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a"), tmp_path / "count"
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--count={count}", f"--began={began}", f"--until={until}")
    with fleet.start("run", units) as process:
        told(began)
        bench.machines["a"].stop()
        bench.machines["a"].start()
        let_go(until)
        process.communicate()

    assert fleet.states(units) == ["done"]
    assert len(count.read_text(encoding="utf-8").splitlines()) == 1


def test_a_lost_machine_is_named_and_others_go_on(bench: Bench, tmp_path: Path) -> None:
    fleet = fleet_of(bench, tmp_path, "a", "b")
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    lost = fleet.units(f"--began={began}", f"--until={until}")[:1]
    others = fleet.units("--tell=ok")
    with fleet.start("run", [*lost, *others]) as process:
        told(began)
        bench.machines["a"].stop()
        process.communicate()
    let_go(until)

    assert fleet.states([*lost, others[0], others[1]]) == ["lost", "lost", "done"]
    bench.machines["a"].start()
    fleet.run("run", [*lost, *others])
    assert fleet.states([*lost, *others]) == ["done", "done", "done"]
    assert len(fleet.lines("done")) == 3


def test_a_deadline_ends_a_unit_on_its_machine(bench: Bench, tmp_path: Path) -> None:
    fleet, until = fleet_of(bench, tmp_path, "a"), pipe(tmp_path / "until")
    units = fleet.units(f"--until={until}")

    fleet.run("run", units, deadline_s=0.5)

    assert fleet.states(units) == ["deadline"]


def test_stopping_ends_what_runs_and_names_the_rest(bench: Bench, tmp_path: Path) -> None:
    fleet = fleet_of(bench, tmp_path, "a")
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}", "--tell={{N}}", N=[1, 2])
    with fleet.start("run", units) as process:
        running = int(told(began))
        fleet.run("stop", units, wheelhouses={})
        process.communicate()

    assert not runs(running)
    assert sorted(fleet.states(units)) == ["", "stopped"]


def test_collecting_starts_nothing(bench: Bench, tmp_path: Path) -> None:
    fleet, count = fleet_of(bench, tmp_path, "a"), tmp_path / "count"
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
    assert len(count.read_text(encoding="utf-8").splitlines()) == 1


def test_two_fleets_take_turns_on_a_machine(bench: Bench, tmp_path: Path) -> None:
    first = fleet_of(bench, tmp_path, "a")
    second = StubFleet(bench, tmp_path / "other", (), name="other")
    second.machines = first.machines
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    busy, waits = first.units(f"--began={began}", f"--until={until}"), second.units("--tell=ok")
    with first.start("run", busy) as one:
        told(began)
        with second.start("run", waits) as two:
            said = next(line for line in two.output if "waits" in line)
            assert second.states(waits) == ["started"]
            let_go(until)
            two.communicate()
        one.communicate()

    assert "the fleet stubs" in said
    assert first.states(busy) == ["done"]
    assert second.states(waits) == ["done"]


def test_a_unit_of_a_class_moves_from_a_lost_machine(bench: Bench, tmp_path: Path) -> None:
    fleet = fleet_of(bench, tmp_path, "a", "b", labels={"class": "x"})
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    units = fleet.units(f"--began={began}", f"--until={until}", each="class")
    with fleet.start("run", units) as process:
        told(began)
        first = fleet.lines("started")[0].machine
        bench.machines[first].stop()
        told(began)
        let_go(until)
        process.communicate()

    assert len(units) == 1
    assert [each.state for each in fleet.lines()] == ["started", "lost", "started", "done"]
    assert fleet.lines("done")[0].machine != first


def test_files_are_copied_once(bench: Bench, tmp_path: Path) -> None:
    from mlperf_home.fleet.wheelhouses import carried

    fleet, model = fleet_of(bench, tmp_path, "a"), tmp_path / "model.onnx"
    model.write_bytes(os.urandom(700_000))
    partial = tmp_path / "bench" / "a" / "fleet" / "downloads"
    partial.mkdir(parents=True)
    file = carried(model)
    (partial / f"model.onnx.{file.sha256[:16]}.partial").write_bytes(model.read_bytes()[:300_000])

    first = fleet.run("run", fleet.units("--tell=1"), files=(file,))
    second = fleet.run("run", fleet.units("--tell=2"), files=(file,))

    assert (partial / "model.onnx").read_bytes() == model.read_bytes()
    assert [each.message for each in first if isinstance(each, SaidEvent)] == ["1 files copied"]
    assert not [each for each in second if isinstance(each, SaidEvent)]


@needs_namespaces
def test_a_silent_network_is_noticed_and_survived(bench: Bench, tmp_path: Path) -> None:
    began, until = pipe(tmp_path / "began"), pipe(tmp_path / "until")
    with namespace(f"fleet{os.getpid() % 10_000}", 77) as (address, prefix, link):
        machine = bench.add("far", address, prefix).entry()
        ssh = msgspec.structs.replace(bench.ssh, silent_s=4.0, lost_s=120.0, connect_s=3.0)
        fleet = StubFleet(bench, tmp_path / "home", (machine,), options={"ssh": ssh})
        units = fleet.units(f"--count={tmp_path / 'count'}", f"--began={began}", f"--until={until}")
        with fleet.start("run", units) as process:
            told(began)
            subprocess.run(["ip", "link", "set", link, "down"], check=True)
            noticed = next(line for line in process.output if "trying to reach it again" in line)
            subprocess.run(["ip", "link", "set", link, "up"], check=True)
            let_go(until)
            process.communicate()
        bench.machines["far"].stop()

    assert '"machine":"far"' in noticed
    assert fleet.states(units) == ["done"]
    assert len((tmp_path / "count").read_text(encoding="utf-8").splitlines()) == 1
