"""The usual switches of CM's `script` automation work, or are answered with what serves instead."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]

CODE = """
def preprocess(context: Context) -> Done:
    return Done(exports={"CM_QUOTED": "it's $(one)", "CM_LIST": ["a", "b"], "CM_ON": True})
"""


@pytest.fixture(autouse=True)
def work_folder(scripts: ScriptFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder of a run of the script `x`."""
    scripts.add("x", CODE, new_env_keys=["CM_QUOTED", "CM_LIST", "CM_ON"], env_keys=["CM_URL"])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_shell_reads_the_saved_exports(cm_run: Run, work_folder: Path) -> None:
    answer = cm_run("x", save_env=True)

    assert answer["saved_env"] == str(work_folder / "tmp-env.sh")
    words = ["sh", "-c", '. ./tmp-env.sh; printf "%s|" "$CM_QUOTED" "$CM_LIST" "$CM_ON"']
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "it's $(one)|a:b|yes|"


def test_a_file_that_cannot_be_saved_is_an_error(cm_run: Run, work_folder: Path) -> None:
    (work_folder / "tmp-env.sh").mkdir()

    assert "tmp-env.sh: cannot be written" in cm_run("x", save_env=True)["error"]


def test_values_are_printed_without_credentials(cm_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    cm_run("x", print_env=True, env={"CM_URL": "https://me:secret@host/"})

    assert "CM_URL=https://***@host/" in capsys.readouterr().err


def test_time_and_record_are_printed(cm_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    answer = cm_run("x", time=True, repro=True)

    out = capsys.readouterr().out
    assert f"time: {answer['seconds']:.1f} s" in out
    (line,) = (line for line in out.splitlines() if "cm replay script" in line)
    record = shlex.split(line)[-1].removeprefix("--record=")
    assert json.loads(open(record).read())["status"] == "done"  # noqa: PTH123, SIM115 - the path as printed


@pytest.mark.parametrize("name", ["silent", "s", "quiet"])
def test_a_silent_run_shows_no_progress(cm_run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cm_run("x", **{name: True})["return"] == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ({"shell": True}, "add --save_env"),
        ({"const": {"CM_URL": "1"}}, "--env.KEY=VALUE"),
        ({"state": {"a": {"b": 1}}}, "--env.KEY=VALUE"),
        ({"fake_run": True}, "--plan"),
        ({"skip-cache": True}, "--renew"),
        ({"debug_script_tags": "x"}, "log"),
    ],
)
def test_other_switches_name_what_serves_instead(cm_run: Run, home: Path, option: dict[str, Any], instead: str) -> None:
    (name,) = option
    error = cm_run("x", **option)["error"]

    assert error.startswith(f"--{name.replace('-', '_')}: is not an option here; ")
    assert instead in error
    assert not (home / "records").exists()


def test_a_scripts_own_option_of_that_name_is_its_own(cm_run: Run, scripts: ScriptFolders) -> None:
    scripts.add("own", CODE, new_env_keys=["CM_*"], inputs={"pause": {"env": "CM_PAUSE_S", "desc": "seconds"}})

    assert cm_run("own", pause="2")["return"] == 0
