"""Plans as text and as JSON equal those of tests/golden, for fixed scripts and one of our workflows.

After a change that is meant: `MLPERF_HOME_WRITE_GOLDEN=1 python -m pytest tests/golden`, and read the difference.
A fingerprint or a key that changes here without a reason makes users' caches worthless.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_scripts import ScriptFolders

from mlperf_home.product import ENGINE
from scriptgraph.embed import Engine

HERE = Path(__file__).parent
MAKE = 'def preprocess(context: Context) -> Done:\n    return Done({"CM_MADE": "yes"})\n'
FETCH = """
from scriptgraph.api import Download

def preprocess(context: Context) -> Done:
    return Done({"CM_FILE": "/nowhere"})

def downloads(context: Context) -> list[Download]:
    return [
        Download("model.bin", ("https://one.example/model.bin", "https://two.example/m"), 1_572_864, ("sha256:00",)),
        Download("notes.txt", ("https://one.example/notes.txt",)),
        Download("here.txt", (context.text("CM_HERE"),), 5),
    ]
"""
SCRIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "find-tool": (MAKE, {"new_env_keys": ["CM_MADE", "CM_TOOL*"], "cache": True, "versions": {"1.2": {}, "2": {}}}),
    "fetch-model": (
        FETCH,
        {"downloads": True, "cache": True, "new_env_keys": ["CM_FILE"], "env_keys": ["CM_HERE"]},
    ),
    "convert-model": (
        MAKE,
        {
            "deps": [{"tags": "fetch-model"}],
            "env_keys": ["CM_FILE"],
            "new_env_keys": ["CM_CONVERTED"],
            "variations": {"fp32": {"group": "precision", "default": True}, "int8": {"group": "precision"}},
        },
    ),
    "measure-speed": (MAKE, {"measures": True, "new_env_keys": ["CM_SPEED"]}),
    "collect": ("", {"deps": [{"tags": "find-tool", "version_min": "2"}]}),
    "top": (
        MAKE,
        {
            "tags": ["run", "top"],
            "inputs": {"here": {"env": "CM_HERE"}},
            "deps": [
                {"tags": "find-tool"},
                {"tags": "collect"},
                {"tags": "convert-model", "names": ["converter"]},
                {"tags": "fetch-model"},
                {"tags": "measure-speed", "enable_if_env": {"CM_WANTED": ["yes"]}},
                {"tags": "measure-speed", "enable_if_env": {"CM_TOOL_FAST": ["yes"]}},
                {"tags": "find-tool", "update_tags_from_env_with_prefix": {"_": ["CM_CONVERTED"]}},
            ],
            "variations": {
                "quick": {"group": "length", "default": True, "description": "a short run"},
                "long": {"group": "length"},
                "both": {"base": ["wide"]},
                "wide": {"adr": {"converter": {"tags": "_int8"}}},
            },
            "new_env_keys": ["CM_MADE"],
        },
    ),
}


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptFolders:
    folders = ScriptFolders(tmp_path / "repo")
    for alias, (code, fields) in SCRIPTS.items():
        folders.add(alias, code, **fields)
    monkeypatch.setattr(Engine, "repository", folders.root)
    monkeypatch.setenv("CM_REPOS", str(tmp_path / "cm"))
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")
    (tmp_path / "here.txt").write_text("here\n")
    monkeypatch.chdir(tmp_path)  # an absolute path would change keys and fingerprints with each run
    return folders


@pytest.fixture(autouse=True)
def _known_screen_and_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2 * 10**9))


def plan(tags: str, home: Path, **options: Any) -> dict[str, Any]:
    told = ENGINE.run_script({"tags": tags, "home": str(home), "plan": True, "out": "con", **options})
    assert told["return"] == 0, told
    return told


def check(name: str, text: str) -> None:
    golden = HERE / name
    if os.environ.get("MLPERF_HOME_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_a_plan_as_text(scripts: ScriptFolders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    assert ENGINE.run_script({"tags": "find-tool", "home": str(home), "quiet": True})["return"] == 0
    capsys.readouterr()

    for options in ({"tags": "run,top"}, {"tags": "run,top,_both", "v": True}, {"tags": "run,top", "new": True}):
        print(f"== {options}")
        plan(home=home, here="here.txt", **options)

    check("plan.txt", capsys.readouterr().out.replace(str(tmp_path), "<here>"))


def test_a_plan_as_json(scripts: ScriptFolders, tmp_path: Path) -> None:
    told = plan("run,top,_both", tmp_path / "home", here="here.txt")

    document = json.dumps(told["plan"], indent=1, sort_keys=True)
    check("plan.json", document.replace(str(tmp_path), "<here>") + "\n")


def test_the_plan_of_our_own_workflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CM_REPOS", str(tmp_path / "cm"))
    plan("get,preprocessed,dataset,squad,_sample", tmp_path / "home", v=True)

    # Its scripts change more often than the format of a plan.
    check("plan-squad-sample.txt", re.sub(r"(?m)^(plan +)\w+", r"\1<fingerprint>", capsys.readouterr().out))
