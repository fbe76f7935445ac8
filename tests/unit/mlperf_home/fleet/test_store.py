"""The store of a fleet: what is done stays done, whatever is killed or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.fleet.store import UnitLine
from mlperf_home.fleet.store import FleetError, FleetStore

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "1" * 64


def line(state: Any, machine: str = "a", attempt: int = 1, **more: Any) -> UnitLine:
    return UnitLine(unit=UNIT, state=state, time_s=1.0, machine=machine, attempt=attempt, **more)


@pytest.fixture
def store(tmp_path: Path) -> FleetStore:
    (tmp_path / "fleet").mkdir()
    return FleetStore(tmp_path / "fleet")


def test_nothing_changes_a_unit_that_is_done(store: FleetStore) -> None:
    store.append([line("started"), line("done", cost=2.0), line("lost"), line("failed", attempt=2)])

    history = store.histories([])[UNIT]

    assert history.done
    assert history.spent == 2.0


def test_attempts_are_counted_for_each_machine(store: FleetStore) -> None:
    store.append([line("failed"), line("started", attempt=2), line("lost", attempt=2), line("stopped", "b")])

    assert store.histories([])[UNIT].attempts == {"a": 1, "b": 1}


def test_a_unit_is_looked_for_where_it_was_started(store: FleetStore) -> None:
    store.append([line("started", "b")])
    assert store.histories([])[UNIT].started_on == "b"
    store.append([line("failed", "b")])
    assert store.histories([])[UNIT].started_on == ""


def test_a_damaged_line_is_named_and_the_others_count(store: FleetStore) -> None:
    store.append([line("started")])
    with store.lines.path.open("ab") as file:
        file.write(b'{"crc32": 1, "entry": {"unit": "x"}}\n')
    store.append([line("done")])
    damages: list[str] = []

    assert store.histories(damages)[UNIT].done
    assert len(damages) == 1
    assert "another checksum" in damages[0]


def test_a_line_cut_off_by_a_kill_is_written_over(store: FleetStore) -> None:
    store.append([line("started")])
    with store.lines.path.open("ab") as file:
        file.write(b'{"crc32": 12, "ent')

    store.append([line("done")])

    damages: list[str] = []
    assert store.histories(damages)[UNIT].done
    assert damages == []


def test_one_process_drives_a_fleet_at_a_time(store: FleetStore) -> None:
    with store.hold():
        assert store.is_held()
        with pytest.raises(FleetError, match="another process runs this fleet"):
            store.hold()
    assert not store.is_held()
