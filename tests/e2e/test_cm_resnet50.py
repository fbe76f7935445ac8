"""ResNet-50's command with the real LoadGen and onnxruntime on the embedded sample's stand-in."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cm_command import fresh_cm
from resolved_commands import resolve_command

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed in this Python")
pytest.importorskip("cv2", reason="OpenCV is not installed in this Python")

from photographs import make_set

from mlperf_home.testing import tiny_onnx_classifier
from mlperf_home.testing.tiny_onnx_classifier import TinyOnnxClassifier

pytestmark = pytest.mark.engine
TAGS = "run,mlperf,resnet50"
# The tests' own environment has the workload's packages, so nothing is installed.
HERE = [f"--adr.{name}.environment={sys.executable}" for name in ("workload-environment", "image-environment")]
SHORT = ["--execution_mode=test", "--adr.sample-dataset.images=60", "--test_query_count=64"]


@pytest.fixture
def cm(measuring_cm: Cm) -> Cm:
    """Return a `cm` that shares its cache with the other tests that measure."""
    return measuring_cm


def measurements(tmp_path: Path) -> dict[str, dict[str, Any]]:
    paths = sorted((tmp_path / "results").rglob("measurement.json"))
    found = [json.loads(path.read_text()) for path in paths]
    return {each["scenario"]: each for each in found}


def test_all_scenarios_of_the_sample_are_measured(cm: Cm, tmp_path: Path) -> None:
    ended = cm.script(f"{TAGS},_sample,_all-scenarios", *HERE, *SHORT, f"--results_dir={tmp_path / 'results'}")

    assert ended.code == 0, ended.output
    assert "SAMPLE RESULT" in ended.out
    following = [line.partition(":  ")[2].strip() for line in ended.out.rpartition("\nNext\n")[2].splitlines()]
    assert following
    assert all(resolve_command(line) for line in following)
    assert not any("explore" in line for line in following)
    found = measurements(tmp_path)
    assert set(found) == {"SingleStream", "MultiStream", "Offline"}
    for measurement in found.values():
        assert measurement["sample"] is True
        assert measurement["engine"]["name"]["value"] == "onnxruntime"
        assert measurement["model"]["name"]["value"] == "sample-resnet50"
        assert measurement["values"]["top1_percent"]["value"] > 70
    session = json.loads(next((tmp_path / "results").rglob("offline/performance-session.json")).read_text())
    assert session["engine"]["details"]["input"]["shape"] == [1, 3, 64, 64]
    assert session["dataset"]["made"]["family"] == "resnet50"


@pytest.mark.parametrize(
    ("round_name", "tests"), [("v3.1", ["TEST01", "TEST04", "TEST05"]), ("v6.1", ["TEST01", "TEST04"])]
)
def test_closed_runs_the_compliance_tests_of_its_round(
    cm: Cm, tmp_path: Path, round_name: str, tests: list[str]
) -> None:
    closed = ["--division=closed", "--allow_sample", f"--round={round_name}", "--target_latency=1"]

    ended = cm.script(f"{TAGS},_sample", *HERE, *SHORT, *closed, f"--results_dir={tmp_path / 'results'}")

    assert ended.code == 0, ended.output
    sessions = sorted((tmp_path / "results").rglob("TEST*-session.json"))
    assert [path.name.partition("-")[0] for path in sessions] == tests
    assert {json.loads(path.read_text())["job"]["round"] for path in sessions} == {round_name}


def test_batches_and_streams_are_those_of_the_options(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, "--scenario=Offline", "--batch_size=4", "--streams=2", "--target_qps=50"]

    ended = cm.script(f"{TAGS},_sample", *options, f"--results_dir={tmp_path / 'results'}")

    assert ended.code == 0, ended.output
    session = json.loads(next((tmp_path / "results").rglob("performance-session.json")).read_text())
    assert (session["grid"]["batch_sizes"], session["grid"]["streams"]) == ([4], 2)
    assert measurements(tmp_path)["Offline"]["values"]["top1_percent"]["value"] > 70


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model_path=PATH"], "closed requires the reference model, not "),
        (["--model_variation=sample"], "closed requires the reference model's weights, and sample has others"),
        (["--model_path=PATH", "--compliance=no"], "a closed result needs the compliance tests"),
    ],
)
def test_closed_takes_the_reference_only(tmp_path: Path, options: list[str], message: str) -> None:
    cm, model = fresh_cm(tmp_path / "new"), tiny_onnx_classifier.write(tmp_path / "own.onnx")
    (tmp_path / "val_map.txt").write_text("ILSVRC2012_val_00000001.JPEG 65\n")
    options = [option.replace("PATH", str(model)) for option in options]

    ended = cm.script(TAGS, "--division=closed", f"--labels_path={tmp_path}", *options)

    assert ended.code != 0
    assert message in ended.output
    assert "get-generic-python-lib" not in ended.output


def test_without_imagenet_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    cm, labels = fresh_cm(tmp_path / "new"), tmp_path / "val_map.txt"
    model = tiny_onnx_classifier.write(tmp_path / "own.onnx")
    labels.write_text("ILSVRC2012_val_00000001.JPEG 65\n")

    ended = cm.script(TAGS, *HERE, f"--labels_path={labels}", f"--model_path={model}")

    assert ended.code != 0
    assert "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB" in ended.output
    assert "get-ml-model" not in ended.output


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (TinyOnnxClassifier(image=(3, 4, 6)), "its input is input_tensor:0 (?, 3, 4, 6), not one square RGB image"),
        (TinyOnnxClassifier(image=(3, 8, 8), classes=10), "has 10 classes, and the images are of ImageNet's 1000"),
    ],
)
def test_other_models_are_refused_before_images_are_made(
    cm: Cm, tmp_path: Path, properties: TinyOnnxClassifier, message: str
) -> None:
    images, model = make_set(tmp_path / "val", 3), tiny_onnx_classifier.write(tmp_path / "own.onnx", properties)
    options = [f"--imagenet_path={images}", f"--labels_path={images}", f"--model_path={model}"]

    ended = cm.script(TAGS, *HERE, *SHORT, *options, f"--results_dir={tmp_path / 'results'}")

    assert ended.code != 0
    assert message in ended.output
    assert "preprocess-dataset-imagenet" not in ended.output
    assert not (tmp_path / "results").exists()


def test_the_plan_tells_where_the_reference_comes_from(cm: Cm) -> None:
    ended = cm.script("get,ml-model,resnet50", "--plan")

    assert ended.code == 0, ended.output
    assert "resnet50_v1.onnx" in ended.output
    assert "from zenodo.org" in ended.output
