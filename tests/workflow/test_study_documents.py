"""Documents of studies through commands: an invalid document is an error of one line with the file and the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from answers import answer, standing

from mlperf_home.experiments.commands import answer as experiment_command
from mlperf_home.experiments.experiment import Experiments

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., dict[str, Any]]

SPACE = {
    "schema": 1, "name": "mine", "model_axes": ["family", "multiplier", "resolution", "precision"], "constraints": [],
    "axes": {
        "family": ["mobilenet-v1"], "multiplier": ["0.5"], "resolution": ["224"], "precision": ["fp32"], "threads": [1],
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the repositories that are installed beside this one."""
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")


def axes(**changes: Any) -> str:
    return json.dumps({**SPACE, "axes": {**SPACE["axes"], **changes}})  # type: ignore[dict-item]


def test_the_users_space_is_written_for_the_next_step(cm_run: Run, tmp_path: Path) -> None:
    (tmp_path / "space.json").write_text(axes())

    result = cm_run("get,mlperf,exploration,space", space=str(tmp_path / "space.json"), threads="1,2")

    assert result["return"] == 0, result
    written = json.loads(Path(result["new_env"]["CM_EXPLORE_SPACE"]).read_text("utf-8"))
    assert written == json.loads(axes(threads=[1, 2]))
    assert result["new_env"]["CM_EXPLORE_MODELS"] == " mobilenet-v1/0.5/224/fp32 "


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[" * 100_000, ": is nested more than 16 levels deep"),
        ("{", ": is not JSON"),
        ('{"schema": 1, "schema": 1}', ": has the key 'schema' twice"),
        ("[" + "1," * 200_000 + "1]", ": has more than 200,000 values"),
        (axes(family=["mobilenet-v1", {"size": 1}]), ": axes/family#/1: expected"),
        (axes(threads=["two"]), ": axes/threads: 'two' is not a whole number above 0"),
        (
            json.dumps({**SPACE, "constraints": [{"when": {}, "only": {"threads": [3]}}]}),
            ": constraints: axis 'threads'",
        ),
    ],
    ids=["deep", "cut", "twice", "many", "value", "option", "constraint"],
)
def test_an_invalid_space_is_an_error(cm_run: Run, tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "space.json"
    path.write_text(content)

    result = cm_run("get,mlperf,exploration,space", space=str(path))

    assert result["return"] == 1
    assert f"{path}{fault}" in result["error"]
    assert result["error"].split("\n")[1:] == ["  on the way: get-mlperf-exploration-space"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[" * 100_000, "is nested more than 8 levels deep"),
        (json.dumps(answer([standing("a", values={"latency_ms": "fast"})])), "/front/0/values/...: expected `float`"),
    ],
    ids=["deep", "value"],
)
def test_a_damaged_answer_is_an_error(home: Path, content: str, fault: str) -> None:
    experiment = Experiments(home / "experiments").begin("race", "exploration", [], {}, sample=True)
    experiment.answer.write_text(content)

    result = experiment_command("show", {"action": "show", "artifact": "race", "home": str(home), "pareto": True})

    assert result["return"] == 1
    assert f"{experiment.answer}: is not an answer ({fault}" in result["error"]
    assert "\n" not in result["error"]
