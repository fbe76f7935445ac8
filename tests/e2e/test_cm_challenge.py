"""A challenge and its replay, with the shortest runs of the real LoadGen and LiteRT on the embedded sample."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed in this Python")
pytest.importorskip("cv2", reason="OpenCV is not installed in this Python")

pytestmark = [pytest.mark.engine, pytest.mark.slow]
NAME = "run-mlperf@home-v3.1-cpu"
# The tests' own environment has the workload's packages, so nothing is installed; one model, few images.
EXTRA = " ".join(
    [
        *(f"--adr.{name}.environment={sys.executable}" for name in ("workload-environment", "image-environment")),
        "--adr.sample-dataset.images=60",
        "--env.CM_TEST_ONE_RUN=yes",
        "--execution_mode=test",
    ]
)


def test_a_bundle_is_made_verified_and_replayed(cm: Cm, tmp_path: Path) -> None:
    folder = tmp_path / "R"
    options = ["--sample", "--only=mobilenets-tflite", "--skip_probe", f"--results_dir={folder}"]

    ran = cm("run", "challenge", NAME, *options, "--out=json", CM_SCRIPT_EXTRA_CMD=EXTRA)

    assert ran.code == 0, ran.output
    bundle = ran.document["bundle"]
    report = json.loads((folder / "report.json").read_text())
    assert report["sample"] is True
    assert any("options were added" in why for why in report["counts_not_because"])
    assert str(tmp_path) not in (folder / "report.json").read_text()

    verified = cm.script("verify,bundle", f"--bundle={bundle}")
    assert verified.code == 0, verified.output
    assert "SAMPLE BUNDLE" in verified.out

    replayed = cm(
        *("replay", "challenge", NAME, f"--results={bundle}", "--repeats=2", "--skip_probe", "--out=json"),
        CM_SCRIPT_EXTRA_CMD=EXTRA,
    )
    assert replayed.code == 0, replayed.output
    (result,) = replayed.document["results"]
    assert result["same_arithmetic"]
    (top1,) = [value for value in result["values"] if value["metric"] == "top1_percent"]
    assert top1["verdict"] == "reproduced"
    assert set(top1["now"]) == {top1["then"]}
    for ending in ("json", "md", "html"):
        assert Path(replayed.document["report"]).with_suffix(f".{ending}").is_file()

    Path(bundle).write_bytes(Path(bundle).read_bytes()[:-1000])
    edited = cm("replay", "challenge", NAME, f"--results={bundle}")
    assert edited.code == 1
    assert "Traceback" not in edited.output


def test_a_wrong_word_ends_in_one_line(cm: Cm) -> None:
    for words in (
        ["show", "challenge", "run-mlperf@home"],
        ["run", "challenge", NAME, "--smaple"],
        ["run", "challenge"],
    ):
        ended = cm(*words)
        assert ended.code == 1
        assert "Traceback" not in ended.output
        assert "CM error" in ended.output
