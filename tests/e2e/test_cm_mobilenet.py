"""Image classifiers with the real LoadGen and LiteRT on the embedded sample."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from cm_command import fresh_cm
from faulty_server import FaultyServer
from resolved_commands import resolve_command

from mlperf_home.samples.mobilenet import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed in this Python")
pytest.importorskip("cv2", reason="OpenCV is not installed in this Python")

from photographs import make_set, name_of

pytestmark = pytest.mark.engine
TAGS = "run,mlperf,mobilenet,tflite"
# The tests' own environment has the workload's packages, so nothing is installed.
HERE = [f"--adr.{name}.environment={sys.executable}" for name in ("workload-environment", "image-environment")]
SHORT = ["--execution_mode=test", "--adr.sample-dataset.images=60"]


@pytest.fixture
def cm(measuring_cm: Cm) -> Cm:
    """Return a `cm` that shares its cache with the other tests that measure."""
    return measuring_cm


def measurements(tmp_path: Path) -> dict[str, dict[str, object]]:
    paths = sorted((tmp_path / "results").rglob("measurement.json"))
    return {str(path.relative_to(tmp_path / "results")): json.loads(path.read_text()) for path in paths}


def test_the_samples_table_says_sample(cm: Cm, tmp_path: Path) -> None:
    ended = cm.script(f"{TAGS},_sample", *HERE, *SHORT, f"--results_dir={tmp_path / 'results'}")

    assert ended.code == 0, ended.output
    assert "SAMPLE RESULT" in ended.out
    assert "Top-1 accuracy (%)" in ended.out
    following = [line.partition(":  ")[2].strip() for line in ended.out.partition("\nNext\n")[2].splitlines()]
    assert 3 <= len(following) <= 5
    assert all(resolve_command(line) for line in following)
    (measurement,) = measurements(tmp_path).values()
    assert measurement["sample"] is True
    assert "made-up images" in str(measurement["sample_note"])
    assert measurement["model"]["input_recipe"]["value"] == "mlperf-v3.1"
    assert measurement["values"]["top1_percent"]["value"] > 70
    readme = next((tmp_path / "results").rglob("README.md")).read_text()
    assert "made-up data" in readme


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_every_scenario_is_measured(cm: Cm, tmp_path: Path, scenario: str) -> None:
    options = [*HERE, *SHORT, f"--scenario={scenario}", "--target_qps=50", f"--results_dir={tmp_path / 'results'}"]

    ended = cm.script(f"{TAGS},_sample,_performance-only", *options)

    assert ended.code == 0, ended.output
    ((place, measurement),) = measurements(tmp_path).items()
    assert f"/{scenario.lower()}/" in place
    assert measurement["scenario"] == scenario
    assert measurement["engine"]["name"]["value"] == "litert"


def test_each_sample_model_has_its_own_result(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, f"--results_dir={tmp_path / 'results'}"]
    for name in ("mobilenet_0.25_64_float", "mobilenet_0.50_96_int8"):
        ended = cm.script(f"{TAGS},_sample,_accuracy-only", *options, f"--model_variation=sample.{name}")
        assert ended.code == 0, ended.output

    sizes = {
        str(each["model"]["name"]["value"]): each["model"]["input_resolution"]["value"]
        for each in measurements(tmp_path).values()
    }
    assert sizes == {"mobilenet_0.25_64_float": 64, "mobilenet_0.50_96_int8": 96}


def test_a_truncated_model_is_refused_before_any_measurement(cm: Cm, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3" + bytes(20))

    ended = cm.script(
        f"{TAGS},_sample", *HERE, *SHORT, f"--model_path={broken}", f"--results_dir={tmp_path / 'results'}"
    )

    assert ended.code != 0
    assert f"model {broken}: the TFLite file is incomplete or damaged" in ended.output
    assert not measurements(tmp_path)


def test_without_imagenet_the_error_says_how_to_get_it(cm: Cm, tmp_path: Path) -> None:
    labels = tmp_path / "val_map.txt"
    labels.write_text("ILSVRC2012_val_00000001.JPEG 65\n")

    ended = cm.script(TAGS, *HERE, "--model_variation=sample", f"--labels_path={labels}")

    assert ended.code != 0
    assert "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB" in ended.output


@pytest.mark.parametrize("tags", [TAGS, "run,mobilenet-models,_tflite,_accuracy-only"])
def test_images_are_checked_before_any_model_is_fetched(tmp_path: Path, tags: str) -> None:
    cm = fresh_cm(tmp_path / "new")
    images = make_set(tmp_path / "val", 3)
    (images / name_of(2)).unlink()
    labels, results = f"--labels_path={images}", f"--results_dir={tmp_path / 'r'}"
    with FaultyServer() as hosts:
        (tmp_path / "mirrors.json").write_text(json.dumps(dict.fromkeys(("http://", "https://"), hosts.url("/"))))
        options = [HERE[0], labels, results, f"--mirrors={tmp_path / 'mirrors.json'}"]
        without = cm.script(tags, *options)
        incomplete = cm.script(tags, *options, f"--imagenet_path={images}")

    assert without.code != 0
    assert without.output.count("ILSVRC2012_img_val.tar (50,000 images, 6.7 GB") == 1
    assert incomplete.code != 0
    assert f"{images}: lacks 1 of the 3 images" in incomplete.output
    assert f"(the first is {name_of(2)})" in incomplete.output
    assert "--dataset_size=N" in incomplete.output
    assert "get-ml-model" not in without.output + incomplete.output
    assert not (tmp_path / "r").exists()


def test_models_with_the_same_failure_are_listed_together(cm: Cm, tmp_path: Path) -> None:
    absent = f"--adr.image-environment.environment={tmp_path / 'nowhere'}"

    ended = cm.script("run,mobilenet-models,_sample,_only-int8", HERE[0], absent, *SHORT)

    assert ended.code != 0
    (error,) = [line for line in ended.output.splitlines() if "CM error" in line]
    assert "4 of the models failed; the same command tries them again: " in error
    names = [f"sample.{name}" for name in MODELS if name.endswith("int8")]
    assert all(ended.out.count(name) == 1 for name in names)
    assert error.count(str(tmp_path / "nowhere")) == 1


def test_the_sweep_resumes_and_survives_a_failure(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, "--test_query_count=40", f"--results_dir={tmp_path / 'results'}"]
    sweep = "run,mobilenet-models,_tflite,_sample,_only-int8"
    first = cm.script(sweep, *options)
    assert first.code == 0, first.output
    names = [name for name in MODELS if name.endswith("int8")]
    assert all(name in first.out.rpartition("SAMPLE RESULTS")[2] for name in names)
    sessions = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*-session.json")}
    assert len(sessions) == 8

    lost = next(path for path in sessions if "0.50_64" in str(path) and path.name.startswith("performance"))
    lost.unlink()
    broken = next(path for path in sessions if "0.25_96" in str(path) and path.name.startswith("accuracy"))
    broken.write_text("{}")
    again = cm.script(sweep, *options)

    assert again.code != 0
    assert "1 of the models failed" in again.output
    assert str(broken) in again.output
    assert "mobilenet_0.25_96_int8" not in again.out.rpartition("SAMPLE RESULTS")[2]
    assert lost.read_bytes() != sessions[lost]
    kept = [path for path in sessions if path not in {lost, broken}]
    assert all(path.read_bytes() == sessions[path] for path in kept)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--no_rerun=no", "--rerun"),
        ("--submission=yes", "_submission"),
        ("--find-performance=yes", "_find-performance"),
        ("--power=yes", "power"),
    ],
)
def test_refusals_of_2023s_options_are_explained(cm: Cm, option: str, message: str) -> None:
    ended = cm.script("run,mobilenet-models,_sample", option)

    assert ended.code != 0
    assert message in ended.output


@pytest.mark.parametrize("variation", ["", ",_find-performance"])
def test_a_sweep_without_models_fails(cm: Cm, variation: str) -> None:
    ended = cm.script(f"run,mobilenet-models,_sample,_efficientnet{variation}", HERE[0])

    assert ended.code != 0
    assert "no model fits the request" in ended.output


def test_a_table_leaves_out_results_of_other_requests(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, "--test_query_count=40", f"--results_dir={tmp_path / 'results'}"]
    sweep = "run,mobilenet-models,_tflite,_sample,_performance-only"
    first = cm.script(sweep, *options, "--env.CM_TEST_ONE_RUN=yes")
    assert first.code == 0, first.output

    again = cm.script(f"{sweep},_only-int8", *options)

    assert again.code == 0, again.output
    table = again.out.rpartition("SAMPLE RESULTS")[2]
    assert all((name in table) == name.endswith("int8") for name in MODELS)


def test_one_model_is_enough_for_a_trial(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, "--test_query_count=40", f"--results_dir={tmp_path / 'results'}"]

    ended = cm.script("run,mobilenet-models,_sample,_performance-only", *options, "--env.CM_TEST_ONE_RUN=yes")

    assert ended.code == 0, ended.output
    assert len(measurements(tmp_path)) == 1


def test_sample_results_are_packed_only_where_allowed(cm: Cm, tmp_path: Path) -> None:
    sub, results = tmp_path / "tree", tmp_path / "results"
    options = [*HERE, "--adr.sample-dataset.images=1100", f"--results_dir={results}", f"--submission_dir={sub}"]
    submission = ["--submitter=Example", "--infer_scenario_results=yes", "--tar", "--test_query_count=100"]
    tags = f"{TAGS},_sample"

    refused = cm.script(tags, *options, *submission)
    short = cm.script(tags, *options, *submission, "--allow_sample", "--execution_mode=test")
    assert not results.exists()
    made = cm.script(tags, *options, *submission, "--allow_sample")

    assert refused.code != 0
    assert "samples are not MLPerf results" in refused.output
    assert "test runs are too short for a submission" in short.output
    assert made.code == 0, made.output
    assert "SAMPLE SUBMISSION" in made.out
    assert sub.with_name("tree.tar.gz").is_file()
    scenarios = {path.name for path in sub.glob("open/Example/results/*/*/*")}
    assert scenarios == {"singlestream", "offline", "multistream"}
    assert all("sample result" in path.read_text() for path in sub.glob("open/Example/measurements/*/*/*/README.md"))


@pytest.mark.parametrize("tags", ["run,mobilenet-models,_sample", f"{TAGS},_sample", "run,mlperf,bert-99,deepsparse"])
@pytest.mark.parametrize("price", ["0", "-1.5"])
def test_a_price_of_zero_or_less_is_refused_at_the_start(tmp_path: Path, tags: str, price: str) -> None:
    cm = fresh_cm(tmp_path / "new")

    ended = cm.script(tags, f"--price_per_hour={price}")

    assert ended.code != 0
    assert f"--price_per_hour={price}: must be above 0" in ended.output
    assert not (cm.home / "mlperf-home" / "cache").exists()


def test_a_price_adds_the_cost_to_the_measurement(cm: Cm, tmp_path: Path) -> None:
    options = [*HERE, *SHORT, f"--results_dir={tmp_path / 'results'}", "--price_per_hour=0.36", "--repeat_noisy=1"]

    ended = cm.script(f"{TAGS},_sample,_performance-only", *options)

    assert ended.code == 0, ended.output
    assert "Cost per million (in the price's currency)" in ended.out
    (measurement,) = measurements(tmp_path).values()
    values = measurement["values"]
    assert values["cost_per_million_inferences"]["value"] == pytest.approx(values["mean_latency_ms"]["value"] / 10)
    assert values["noisy"]["value"] in {"yes", "no", None}
    assert bool(values["energy_j"]["reason"]) == (values["energy_j"]["value"] is None)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--price_per_hour=dear", "must be a number"),
        ("--price_per_hour=0.0", "must be above 0"),
        ("--repeat_noisy=-1", "must be 0 or more"),
        ("--repeat_noisy=1.5", "must be a whole number"),
    ],
)
def test_odd_prices_and_repetitions_are_refused_before_a_run(cm: Cm, tmp_path: Path, option: str, message: str) -> None:
    ended = cm.script(f"{TAGS},_sample,_performance-only", *HERE, *SHORT, option, f"--results_dir={tmp_path / 'r'}")

    assert ended.code != 0
    assert message in ended.output
    assert not list(tmp_path.rglob("performance-session.json"))
