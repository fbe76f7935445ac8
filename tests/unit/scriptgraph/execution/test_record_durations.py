"""Durations only inform plans: no problem with them stops a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.execution.record import Durations, StepRecord

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tiny_scripts import Bench


def step(title: str, status: str, end_ns: int) -> StepRecord:
    made = StepRecord(title, title, "")
    made.status, made.end_ns = status, end_ns
    return made


LONG = step("long", "done", 2_500_000_000)


def test_durations_of_a_second_or_more_are_stored(tmp_path: Path) -> None:
    short = step("short", "done", 900_000_000)
    cached = step("cached", "cached", 2_500_000_000)

    Durations(tmp_path).note([LONG, short, cached])

    assert Durations(tmp_path).known() == {"long": 2.5}


def test_a_foreign_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text('{"a": "x", "b": 3, "c": null}')

    assert Durations(tmp_path).known() == {"b": 3}


def test_a_run_does_not_fail_if_they_cannot_be_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Durations, "note", full)
    bench.scripts.add("x")

    assert bench.run("x").status == "done"
