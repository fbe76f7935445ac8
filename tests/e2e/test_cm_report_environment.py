"""`report,environment`: the lines that a bug report needs, by the real `cm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cm_command import Cm


def test_the_report_names_the_last_failure_and_no_machine(cm: Cm, tmp_path: Path) -> None:
    assert cm.script("extract,file", f"--input={tmp_path}/absent.zip").code != 0

    ended = cm.script("report,environment", HOME=str(tmp_path))

    assert ended.code == 0, ended.output
    for text in ("OS: ", "kernel: ", "CPU: ", "memory: ", "Python: ", "mlperf-home ", "cmind 4.", "CM_REPOS: ~/cm"):
        assert text in ended.output
    assert "-extract-file-" in ended.output
    assert "~/absent.zip: nothing is there" in ended.output
    assert "Nothing is sent." in ended.output
    assert str(tmp_path) not in ended.output
    assert f" {os.uname().nodename} " not in ended.output


def test_it_is_kept_in_a_file_for_programs(cm: Cm) -> None:
    ended = cm.script("report,environment", "--quiet", "--out=json")

    assert ended.code == 0, ended.output
    report = Path(ended.document["new_env"]["CM_ENVIRONMENT_REPORT_PATH"]).read_text(encoding="utf-8")
    assert "cached environments: none" in report
    assert "last failed run: none" in report
