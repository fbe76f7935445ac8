"""The command of an experiment from elsewhere does not run unless the user answers for it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.experiments import commands
from mlperf_home.experiments.experiment import Experiments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cm = Callable[..., dict[str, Any]]


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    def run(action: str, *rest: str, **options: Any) -> dict[str, Any]:
        named = {"artifact": "mine", "out": "con", "cmd": [], "home": str(tmp_path / "home"), "quiet": True}
        return commands.answer(action, {**named, **options, "unparsed_cmd": list(rest)})

    return run


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Return the file that the command of the experiment writes."""
    return tmp_path / "mark"


def command(mark: Path) -> list[str]:
    return [sys.executable, "-c", f"open({str(mark)!r}, 'w')", "{{N}}"]


@pytest.fixture
def brought(tmp_path: Path, mark: Path) -> Path:
    """Return the description of an experiment that came from elsewhere."""
    made_by = {"command": command(mark), "values": {"N": [1]}}
    return Experiments(tmp_path / "home/experiments").begin("mine", "grid", [], made_by, sample=False).description


def test_the_command_from_elsewhere_is_shown_and_does_not_run(
    cm: Cm, brought: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = cm("replay")

    assert answer["return"] == 1
    assert f"{brought}: was not written by this home" in answer["error"]
    assert "--trust" in answer["error"]
    assert str(mark) in capsys.readouterr().out
    assert not mark.exists()
    assert [each.name for each in brought.parents[1].iterdir()] == ["mine"]


def test_trust_runs_it(cm: Cm, brought: Path, mark: Path) -> None:
    assert cm("replay", trust=True)["return"] == 0
    assert mark.exists()
    assert brought.exists()


def test_an_own_experiment_and_its_replay_need_no_trust(cm: Cm, mark: Path) -> None:
    assert cm("run", *command(mark), explore='{"N": [1]}')["return"] == 0

    assert cm("replay")["return"] == 0
    assert cm("replay", artifact="mine-replay-1")["return"] == 0


def test_an_edited_experiment_counts_as_anothers(cm: Cm, mark: Path, tmp_path: Path) -> None:
    assert cm("run", *command(mark), explore='{"N": [1]}')["return"] == 0
    path = Experiments(tmp_path / "home/experiments").load("mine").description
    document = json.loads(path.read_text())
    document["made_by"]["command"][2] = "raise SystemExit(1)"
    path.write_text(json.dumps(document))

    assert "was edited" in cm("replay")["error"]
