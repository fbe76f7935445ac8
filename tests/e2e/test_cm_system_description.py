"""The real `cm` describes the machine that runs the tests."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from recorded_systems import DMIDECODE_HEAD, module

if TYPE_CHECKING:
    from cm_command import Cm

TAGS = "get,mlperf,sut,description"


def test_this_machine_is_described(cm: Cm, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"cooling": "liquid"}')

    ended = cm.script(
        TAGS,
        *(
            "--submitter=Example",
            "--hw_name=my box",
            "--framework=deepsparse v1.8.0",
            "--hw_notes_extra=$(touch hacked)",
        ),
        *(f"--system_file={own}", f"--out_dir={tmp_path / 'systems'}", "-j"),
    )

    assert ended.code == 0, ended.output
    path = Path(ended.document["new_env"]["CM_MLPERF_SUT_DESCRIPTION_PATH"])
    values = json.loads(path.read_text(encoding="utf-8"))
    assert path == tmp_path / "systems" / "my_box.json"
    assert (values["cooling"], values["framework"]) == ("liquid", "deepsparse v1.8.0")
    assert (values["submitter"], values["division"], values["system_type"]) == ("Example", "open", "edge")
    assert (values["hw_notes"], values["sw_notes"]) == ("$(touch hacked)", "")
    assert os.uname().release in values["operating_system"]
    assert not (cm.home / "hacked").exists()


def test_only_root_runs_dmidecode(cm: Cm, tmp_path: Path) -> None:
    programs, text = tmp_path / "bin", tmp_path / "dmidecode.txt"
    programs.mkdir()
    text.write_text(DMIDECODE_HEAD + module("16384 GB", "DDR5", "4800 MT/s", "4800 MT/s"))
    (programs / "dmidecode").write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\ncat "{text}"\n')
    (programs / "dmidecode").chmod(0o755)

    ended = cm.script(TAGS, "--submitter=Example", "-j", PATH=f"{programs}:{os.environ['PATH']}")

    values = json.loads(Path(ended.document["new_env"]["CM_MLPERF_SUT_DESCRIPTION_PATH"]).read_text())
    if os.geteuid() == 0:
        assert values["host_memory_configuration"] == "1 x 16384 GiB DDR5 DIMM at 4800 MT/s"
        assert (tmp_path / "calls").read_text() == "-t memory\n"
    else:
        assert values["host_memory_configuration"] == "undefined"
        assert not (tmp_path / "calls").exists()


def test_a_mistake_is_one_line_and_writes_nothing(cm: Cm, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"coolling": "liquid"}')

    ended = cm.script(TAGS, "--submitter=Example", f"--system_file={own}", f"--out_dir={tmp_path / 'systems'}")

    assert ended.code != 0
    assert f'{own}: unknown key "coolling"; the nearest known key is "cooling"' in ended.output
    assert "Traceback" not in ended.output
    assert not (tmp_path / "systems").exists()


def test_a_description_needs_a_submitter(cm: Cm) -> None:
    ended = cm.script(TAGS)

    assert ended.code != 0
    assert "needs --submitter" in ended.output
