"""A plan tells the work and its duration on one screen; a run of table rows shows a line for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_scripts import ScriptFolders

from mlperf_home.product import ENGINE
from scriptgraph.embed import Engine

MEASURE = """
from scriptgraph.api import StepEstimate

def estimate(context):
    seconds = {"small": 10.0, "large": 50.0}.get(context.text("CM_SIZE"))
    basis = "a rule" if seconds else "odd sizes"
    return StepEstimate("speed, at least 5 s", "a model", "a machine", seconds, seconds, basis)

def preprocess(context):
    context.say("opening")
    context.summarise(context.text("CM_SIZE") + " is fast")
    context.note("a detail")
    return Done()
"""
ROWS = [{"size": size} for size in ("small", "large", "odd")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a repository whose script `sweep` measures three sizes."""
    folders = ScriptFolders(tmp_path / "repo")
    folders.add("measure", MEASURE, estimates=True, env_keys=["CM_SIZE"])
    rows = {"table": "../sizes.json", "label": "size {{size}}"}
    folders.add("sweep", deps=[{"tags": "measure", "for_each": rows, "env": {"CM_SIZE": "{{size}}"}}])
    (folders.root / "script" / "sizes.json").write_text(json.dumps({"rows": ROWS}))
    monkeypatch.setattr(Engine, "repository", folders.root)
    monkeypatch.setenv("CM_REPOS", str(tmp_path / "cm"))
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


def sweep(home: Path, **options: Any) -> dict[str, Any]:
    answer = ENGINE.run_script({"tags": "sweep", "home": str(home), "out": "con", **options})
    assert answer["return"] == 0, answer
    return answer


def test_a_plan_fits_a_screen(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(home, plan=True)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "measures 3: size small, size large, size odd speed, at least 5 s, 3 times on a machine" in text
    assert "time at least 60 s, by a rule; not counted: odd sizes" in text


def test_verbose_shows_the_steps_of_the_first_row(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(home, plan=True, v=True)

    out = capsys.readouterr().out
    assert "measure (row 1 of 3: size small) - runs" in out
    assert "measure (row 3 of 3: size odd) - runs" in out


def test_a_plan_as_json_has_its_expected_time(home: Path) -> None:
    plan = sweep(home, plan=True, out="json")["plan"]

    assert plan["expected_time"] == {"low_s": 60.0, "high_s": 60.0, "unknown": ["odd sizes"]}
    assert [each["row"]["number"] for each in plan["root"]["needs"]] == [1, 2, 3]


def test_each_row_is_one_line_with_what_is_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(home)

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "expected time: at least 60 s"
    assert [line.partition(";")[0] for line in lines if line.startswith("#")] == [
        "# 1 of 3: size small: small is fast",
        "# 2 of 3: size large: large is fast",
        "# 3 of 3: size odd: odd is fast",
    ]
    assert "left" in lines[1]
    assert not any("opening" in line or "a detail" in line for line in lines)


def test_the_record_has_the_messages_and_the_corrections(home: Path) -> None:
    record = json.loads(Path(sweep(home)["record"]).read_text())

    assert record["expected"]["low_s"] == 60.0
    assert len(record["expected"]["corrected"]) == 3
    assert record["expected"]["corrected"][-1]["left_high_s"] == 0.0
    assert record["steps"][0]["messages"] == ["opening", "small is fast", "a detail"]


def test_a_row_that_is_ruled_out_on_the_way_has_no_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ScriptFolders(ENGINE.repository)
    choose = """
def preprocess(context):
    return Done({"CM_CHOSEN": "large"})
"""
    folders.add("choose", choose, new_env_keys=["CM_CHOSEN"])
    rows = {"table": "../sizes.json", "label": "size {{size}}"}
    row = {"tags": "measure", "for_each": rows, "enable_if_env": {"CM_CHOSEN": ["{{size}}"]}}
    folders.add("sweep-chosen", deps=[{"tags": "choose"}, {**row, "env": {"CM_SIZE": "{{size}}"}}])
    answer = ENGINE.run_script({"tags": "sweep-chosen", "home": str(home), "out": "con"})
    assert answer["return"] == 0, answer

    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("#")]

    assert len(lines) == 1
    assert "size large: large is fast" in lines[0]
