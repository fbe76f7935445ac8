"""A run that waits names the runs that it waits for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scriptgraph.execution.side_by_side.working import Work, noted, others_at_work

if TYPE_CHECKING:
    from pathlib import Path

WORK = Work(("cm", "run", "script"), "measure-speed", "about 12 min")


def test_a_note_lasts_as_long_as_the_work(tmp_path: Path) -> None:
    with noted(tmp_path / "working", WORK):
        kept = [json.loads(path.read_text()) for path in (tmp_path / "working").iterdir()]
    assert [each["command"] for each in kept] == ["cm run script"]
    assert not list((tmp_path / "working").iterdir())


def test_work_goes_on_where_no_note_can_be_left(tmp_path: Path) -> None:
    (tmp_path / "working").write_text("a file")

    with noted(tmp_path / "working", WORK):
        pass


def test_own_work_is_not_waited_for(tmp_path: Path) -> None:
    with noted(tmp_path, WORK):
        assert others_at_work(tmp_path, 0.0) == "another run"


@pytest.fixture
def other(tmp_path: Path) -> int:
    """Return the number of a living process: the one that started the tests."""
    return os.getppid()


def test_other_work_is_named(tmp_path: Path, other: int) -> None:
    document = {"command": "cm run script", "step": "measure-speed", "expected": "about 12 min", "since_s": 1000.0}
    (tmp_path / f"{other}-1.json").write_text(json.dumps(document))

    assert others_at_work(tmp_path, 1180.0) == "cm run script (measure-speed, for 3 min, about 12 min in all)"


def test_ended_work_is_not_named(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f"{int(ended.stdout)}-1.json").write_text(json.dumps({"command": "gone"}))

    assert others_at_work(tmp_path, 0.0) == "another run"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"command": 3, "since_s": "x"}'])
def test_a_damaged_note_stops_nobody(tmp_path: Path, other: int, text: str) -> None:
    (tmp_path / f"{other}-1.json").write_text(text)

    assert others_at_work(tmp_path, 0.0)


def test_a_long_command_is_cut(tmp_path: Path, other: int) -> None:
    for number in range(3):
        (tmp_path / f"{other}-{number}.json").write_text(json.dumps({"command": "x" * 500}))

    text = others_at_work(tmp_path, 0.0)
    assert text.endswith(" and 1 more")
    assert len(text) < 300
