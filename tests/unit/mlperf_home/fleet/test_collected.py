"""What was collected becomes one board, with machine and price; a damaged archive stays packed and is named."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from submission_results import ours

from mlperf_home.contracts.fleet.machines import FleetMachine
from mlperf_home.contracts.fleet.store import FleetDescription, UnitLine
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.fleet.collected import bundles_of, make_board, not_done, unpack_new
from mlperf_home.fleet.store import FleetStore
from mlperf_home.fleet.tables import cost_text, counts, unit_rows
from mlperf_home.fleet.units import make_units

if TYPE_CHECKING:
    from pathlib import Path

MACHINES = (FleetMachine(name="amd", price_per_hour=2.0), FleetMachine(name="arm"))
UNITS = make_units("f", ("run", "script", "--tags=a", "--n={{N}}"), {"N": [4]}, MACHINES, "machine")
DESCRIPTION = FleetDescription(
    name="f", command=("cm",), created="2026-12-01T00:00:00+00:00", currency="EUR", machines=MACHINES, units=UNITS
)


@pytest.fixture
def store(tmp_path: Path) -> FleetStore:
    made = FleetStore(tmp_path / "f")
    made.describe(DESCRIPTION)
    done = UnitLine(unit=UNITS[0].digest, state="done", time_s=1.0, machine="amd", attempt=1, seconds=1800.0, cost=1.0)
    failed = UnitLine(unit=UNITS[1].digest, state="failed", time_s=1.0, machine="arm", attempt=1, note="no network")
    made.append([done, failed])
    return made


def pack(store: FleetStore, source: Path, name: str) -> Path:
    packed = store.unit_folder("amd", UNITS[0].digest) / "outputs.tar.gz"
    packed.parent.mkdir(parents=True)
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(source, name)
    return packed


def test_measurements_have_their_machine_and_price(store: FleetStore, tmp_path: Path) -> None:
    ours(tmp_path / "R")
    pack(store, tmp_path / "R", "home/results")
    problems: list[str] = []

    unpack_new(store, problems)
    experiments = Experiments(tmp_path / "experiments")
    count = make_board(store, DESCRIPTION, store.histories([]), experiments, problems)
    again = make_board(store, DESCRIPTION, store.histories([]), experiments, problems)

    measured = list(experiments.load("f").store.measurements(problems))
    assert problems == []
    assert count == again == len(measured) >= 1
    values = measured[0].values
    assert (values["fleet_machine"].value, values["explored_N"].value) == ("amd", "4")
    assert values["price_per_hour"].value == 2.0
    assert values["price_per_hour"].source.endswith("amd, in EUR")


def test_a_damaged_archive_is_named(store: FleetStore, tmp_path: Path) -> None:
    packed = pack(store, tmp_path, "home")
    packed.write_bytes(packed.read_bytes()[:40])
    problems: list[str] = []

    unpack_new(store, problems)

    assert len(problems) == 1
    assert "it stays packed" in problems[0]
    assert packed.exists()


def test_bundles_are_found(store: FleetStore, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "my-bundle.tar.gz").write_bytes(b"x")
    pack(store, run, "work/run")
    unpack_new(store, [])

    assert [path.name for path in bundles_of(store)] == ["my-bundle.tar.gz"]


def test_tables_name_what_is_not_done(store: FleetStore) -> None:
    histories = store.histories([])

    assert counts(UNITS, histories) == "1 done, 1 failed"
    assert [(unit.target, machine, why) for unit, machine, why in not_done(UNITS, histories)] == [
        ("arm", "arm", "no network")
    ]
    assert cost_text(DESCRIPTION, histories) == "1.00 EUR"
    rows = unit_rows(UNITS, histories, driven=False, every=True)
    assert rows[0] == ("N=4", "amd", "done", "", "30 min", "")
    assert rows[1][-1] == "no network"
