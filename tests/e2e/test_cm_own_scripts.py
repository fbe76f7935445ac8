"""A user's own repository: its scripts depend on ours, and ours still run alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cm_command import Cm

SCRIPT = {"automation_alias": "script", "automation_uid": "5b4e0237da074764"}
CODE = """
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    cores = context.text("CM_HOST_CPU_TOTAL_CORES", "unknown")
    (context.output / "report.txt").write_text(f"{cores} cores, {context.text('CM_GREETING')}")
    return Done(exports={"CM_REPORT": context.output / "report.txt"})
"""


@pytest.fixture
def mine(cm: Cm, tmp_path: Path) -> Path:
    """Make and register a repository with one script that depends on detect-cpu."""
    root = tmp_path / "mine"
    folder = root / "script" / "report-cores"
    folder.mkdir(parents=True)
    (root / "cmr.yaml").write_text("alias: mine\nuid: 12345678abcd1234\ngit: false\n")
    manifest: dict[str, Any] = {
        **SCRIPT,
        "alias": "report-cores",
        "uid": "8765432187654321",
        "tags": ["report", "cores", "mine"],
        "deps": [{"tags": "detect,cpu", "names": ["cpu"]}],
        "inputs": {"greeting": {"env": "CM_GREETING", "desc": "what it says", "default": "hello"}},
        "env_keys": ["CM_HOST_CPU_TOTAL_CORES"],
        "new_env_keys": ["CM_REPORT"],
    }
    (folder / "_cm.json").write_text(json.dumps(manifest))
    (folder / "customize.py").write_text(CODE)
    assert cm("add", "repo", f"--path={root}").code == 0
    return root


def test_a_users_script_depends_on_ours(cm: Cm, mine: Path) -> None:
    ended = cm.script("report,cores", "--greeting=$(touch hacked)", "-j")

    assert ended.code == 0, ended.output
    answer = json.loads(ended.out[ended.out.index("{") :])
    assert Path(answer["new_env"]["CM_REPORT"]).read_text().endswith("cores, $(touch hacked)")
    assert not (cm.home / "hacked").exists()


def test_a_script_is_deleted_only_with_consent(cm: Cm, mine: Path) -> None:
    refused = cm("rm", "script", "report-cores")
    was_there = (mine / "script" / "report-cores").exists()
    deleted = cm("rm", "script", "report-cores", "-f")

    assert (refused.code, was_there) == (1, True)
    assert "add -f" in refused.output
    assert "Traceback" not in refused.output
    assert deleted.code == 0, deleted.output
    assert not (mine / "script" / "report-cores").exists()


def test_our_scripts_run_alone(cm: Cm, mine: Path) -> None:
    assert cm.script("detect,cpu").code == 0


def test_an_alias_of_ours_stops_only_requests_for_it(cm: Cm, mine: Path) -> None:
    path = mine / "script" / "report-cores" / "_cm.json"
    path.write_text(path.read_text().replace('"report-cores"', '"detect-os"'))

    assert cm.script("detect,os").code == cm.script("report,cores").code == 0
    refused = cm.script("detect-os")
    assert refused.code != 0
    assert f"detect-os in {path.parent}" in refused.output


def test_a_copy_of_a_shipped_script_stops_no_workflow(cm: Cm, mine: Path) -> None:
    copied = cm("copy", "script", "detect-os", "mine:my-detect")
    assert copied.code == 0, copied.output
    broken = mine / "script" / "broken"
    broken.mkdir()
    (broken / "_cm.json").write_text("{")

    ended, refused = cm.script("detect,cpu"), cm.script("detect,os")

    assert ended.code == 0, ended.output
    assert sum("a broken manifest is skipped" in line for line in ended.output.splitlines()) == 1
    assert "my-detect in" in refused.output
    assert "write the alias of one" in refused.output
    assert cm.script("my-detect").code == 0


def test_another_script_automation_is_named_with_the_remedy(cm: Cm, mine: Path) -> None:
    engine = mine / "automation" / "script"
    engine.mkdir(parents=True)
    (engine / "module.py").write_text("class CAutomation: ...")

    ended = cm.script("detect,os")

    assert "has a script automation of its own" in ended.output
