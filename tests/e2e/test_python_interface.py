"""Calls from Python: the examples of docs/python.md, `mlperf_home.api`, and `cmind.access` as CM's users know it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home import api

if TYPE_CHECKING:
    from cm_command import Cm

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def in_python(cm: Cm, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env=cm.environment, cwd=cm.home, capture_output=True, text=True, check=False
    )


def access(cm: Cm, *commands: dict[str, Any], shown: str = "answer") -> Any:
    """Return the answers of `cmind.access`, made in a process that must print nothing else."""
    program = f"""
import json, sys, cmind
answers = []
for command in {commands!r}:
    answer = cmind.access(command)
    answers.append({shown})
print(json.dumps(answers, default=str))
"""
    in_python(cm, "import cmind; cmind.access({'action': 'find', 'automation': 'repo'})")
    ended = in_python(cm, program)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_page_run(cm: Cm, number: int) -> None:
    ended = in_python(cm, EXAMPLES[number])

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
    assert ended.stderr == ""


def test_a_run_answers_in_cms_form_and_prints_nothing(cm: Cm) -> None:
    (answer,) = access(cm, {"action": "run", "automation": "script", "tags": "detect,os"})

    assert answer["new_env"]["CM_HOST_OS_TYPE"] == "linux"
    assert (answer["return"], answer["new_state"], answer["warnings"]) == (0, {}, [])


def test_found_scripts_are_objects_with_path_and_meta(cm: Cm) -> None:
    commands = [
        {"action": action, "automation": "script", **chosen}
        for action in ("find", "list", "search")
        for chosen in ({"tags": "detect,os"}, {"artifact": "detect-os"})
    ]

    for found in access(cm, *commands, shown="[[each.path, each.meta] for each in answer['list']]"):
        ((path, meta),) = found
        assert json.loads((Path(path) / "_cm.json").read_text()) == meta


def test_plans_and_lists_print_nothing_without_out(cm: Cm) -> None:
    plan, scripts, shown, cache, challenges = access(
        cm,
        {"action": "run", "automation": "script", "tags": "detect,os", "plan": True},
        {"action": "find", "automation": "script"},
        {"action": "show", "automation": "script", "tags": "detect,os"},
        {"action": "find", "automation": "cache"},
        {"action": "find", "automation": "challenge"},
    )

    assert plan["plan"]["root"]["alias"] == "detect-os"
    assert len(scripts["list"]) == len(scripts["scripts"]) > 50
    assert shown["script"]["alias"] == "detect-os"
    assert cache["list"] == []
    assert len(challenges["list"]) == len(challenges["challenges"])


def test_a_warning_is_in_the_answer(cm: Cm) -> None:
    command = {
        "action": "run",
        "automation": "script",
        "tags": "generate-run-cmds,inference",
        "adr": {"compiler": {"tags": "gcc"}},
        "plan": True,
    }

    assert "nothing is compiled" in access(cm, command)[0]["warnings"][0]


def test_an_error_is_an_answer_and_is_not_printed(cm: Cm) -> None:
    (answer,) = access(cm, {"action": "run", "automation": "script", "tags": "detect,oss"})

    assert answer["return"] == 1
    assert "Did you mean os?" in answer["error"]


def test_printed_json_has_no_list_of_objects(cm: Cm) -> None:
    for words in (("--out=json",), ("-j",)):
        assert "list" not in cm("find", "cache", *words).document


def test_the_module_raises_and_keeps_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CM_REPOS", str(tmp_path))
    with pytest.raises(api.CommandError, match="must be one of Offline") as caught:
        api.run("run,mlperf,bert-99,deepsparse", scenario="Offlin")

    assert caught.value.answer["return"] == 1


def test_the_module_returns_what_a_step_exports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CM_REPOS", str(tmp_path))
    ended = api.run("run,tar", {"input_dir": str(PAGE.parent / "how-to")}, outfile=str(tmp_path / "a.tar.gz"))

    assert ended.status == "done"
    assert json.loads(ended.record.read_text())["status"] == "done"
    assert capsys.readouterr() == ("", "")
