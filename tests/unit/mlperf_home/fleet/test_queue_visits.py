"""A visit to a queue says what keeps Slurm from taking a unit, before anything is submitted."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fake_slurm import Cluster
from fleets import StubFleet

from mlperf_home.contracts.fleet.machines import FleetMachine, SlurmOptions
from mlperf_home.contracts.fleet.units import Unit
from mlperf_home.fleet.controller.executors import visit_all
from mlperf_home.fleet.controller.queue.slurm_jobs import slurm_parameters
from mlperf_home.fleet.controller.unit_requests import request_of
from mlperf_home.fleet.tables import machine_rows

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.fleet.machines import MachineVisit


def machine(tmp_path: Path, **slurm: Any) -> FleetMachine:
    return FleetMachine(
        name="cpu",
        executor="slurm",
        python=sys.executable,
        folder=str(tmp_path / "shared"),
        slurm=SlurmOptions(**slurm),
    )


def visit(tmp_path: Path, place: FleetMachine) -> MachineVisit:
    job = StubFleet(None, tmp_path / "home", ()).job("visit", machines=(place,))

    async def only() -> MachineVisit:
        (found,) = [each async for each in visit_all([place], job)]
        return found

    return asyncio.run(only())


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path / "cluster").make()
    monkeypatch.setenv("PATH", made.path)
    return made


@pytest.mark.usefixtures("cluster")
def test_a_queue_is_ready_and_its_nodes_unknown(tmp_path: Path) -> None:
    found = visit(tmp_path, machine(tmp_path))

    assert found.problems == ()
    assert found.facts is not None
    assert found.facts.folder == str(tmp_path / "shared" / "cpu")
    assert found.facts.cpus == ()
    assert machine_rows([found])[0][1] == found.facts.machine
    assert machine_rows([found])[0][4] == "ready"


@pytest.mark.usefixtures("cluster")
def test_what_slurm_would_refuse_is_a_problem(tmp_path: Path) -> None:
    found = visit(tmp_path, machine(tmp_path, partition="none"))

    assert len(found.problems) == 1
    assert "invalid partition specified: none" in found.problems[0]
    assert "sinfo shows its partitions" in found.problems[0]


def test_a_machine_without_slurm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = visit(tmp_path, machine(tmp_path))

    assert found.problems == ("sbatch is not on this machine; run the fleet on a login node of the cluster",)


def test_a_shared_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("a file", encoding="utf-8")

    found = visit(tmp_path, machine(tmp_path))

    assert len(found.problems) == 1
    assert "shared with the nodes" in found.problems[0]


@pytest.mark.parametrize(
    ("time_limit", "deadline_s", "unit_s", "job_min"),
    [(None, None, None, None), (60, None, 3420.0, 60), (60, 600.0, 600.0, 60), (None, 3600.0, 3600.0, 70)],
)
def test_a_unit_ends_before_slurm_ends_its_job(
    tmp_path: Path, time_limit: int | None, deadline_s: float | None, unit_s: float | None, job_min: int | None
) -> None:
    place = machine(tmp_path, time_limit=time_limit)
    job = StubFleet(None, tmp_path / "home", ()).job("run", machines=(place,), deadline_s=deadline_s)
    unit = Unit(digest="1" * 64, label="", words=("run", "script"), target="cpu", machines=("cpu",))

    request = request_of(place, job, unit, 1, "/shared", "python")

    assert request.deadline_s == unit_s
    assert slurm_parameters(place, request.deadline_s).get("time") == job_min
