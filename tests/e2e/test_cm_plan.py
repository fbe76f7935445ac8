"""A run before it starts: its plan, the origins of its values, its missing files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

OFFICIAL = "run,mlperf,bert-99,deepsparse"


def files(folder: Path) -> set[str]:
    """Return the files below a folder, without cmind's own."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "mlperf-home" in path.parts}


def test_the_plan_is_shown_and_nothing_changes(cm: Cm) -> None:
    before = files(cm.home)

    ended = cm.script(OFFICIAL, "--plan", "-v")

    assert ended.code == 0, ended.output
    assert "get-dataset-squad [_validation" in ended.out
    assert "dev-v1.1.json: 4,854,279 bytes, raw.githubusercontent.com" in ended.out
    assert files(cm.home) == before


def test_the_plan_as_json_is_json(cm: Cm) -> None:
    ended = cm.script(OFFICIAL, "--plan", "--out=json")

    plan = json.loads(ended.out)["plan"]
    assert plan["root"]["alias"] == "run-mlperf-bert-99-deepsparse"
    assert {each["name"] for each in plan["downloads"]} >= {"dev-v1.1.json", "vocab.txt"}


def test_the_plan_marks_cached_steps(cm: Cm) -> None:
    assert cm.script("get,python3").code == 0

    assert "in the cache" in cm.script("get,python3", "--plan").out


def test_a_value_is_explained(cm: Cm) -> None:
    ended = cm.script(OFFICIAL, "--explain=CM_MLPERF_LOADGEN_SCENARIO", "--scenario=Server")

    assert "CM_MLPERF_LOADGEN_SCENARIO=Server" in ended.out
    assert cm.script(OFFICIAL, "--explain=CM_MLPERF_LOADGEN_SCENARI").code != 0


def test_offline_names_all_missing_files_before_the_first_step(cm: Cm) -> None:
    ended = cm.script(OFFICIAL, "--offline")

    assert ended.code != 0
    for name in ("oBERT-Large", "dev-v1.1.json", "vocab.txt"):
        assert name in ended.output
    assert str(cm.home / "mlperf-home" / "downloads" / "vocab.txt") in ended.output
    assert not (cm.home / "mlperf-home" / "records").exists()


def test_a_file_that_the_user_brought_is_used_offline(cm: Cm, tmp_path: Path) -> None:
    content = b"hello"
    digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    options = ("--url=https://host.invalid/greeting.txt", f"--checksum={digest}", "--offline")
    refused = cm.script("download,file", *options)
    place = cm.home / "mlperf-home" / "downloads" / "greeting.txt"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)

    ended = cm.script("download,file", *options)

    assert "put it at" in refused.output
    assert ended.code == 0, ended.output


def test_prefetch_fetches_and_stops(cm: Cm, tmp_path: Path) -> None:
    ended = cm.script("get,preprocessed,dataset,squad,_sample", "--prefetch")

    assert ended.code == 0, ended.output
    assert "made" in ended.out
