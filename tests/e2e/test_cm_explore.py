"""Explorations with the real LoadGen and LiteRT on the embedded sample: run, stopped, resumed, run twice at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.documents import schema_path

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed in this Python")
pytest.importorskip("cv2", reason="OpenCV is not installed in this Python")

pytestmark = pytest.mark.engine
SCHEMA = json.loads(schema_path("answer").read_text("utf-8"))
TAGS = "explore,mobilenet-models,_sample,_only-int8"
HERE = [
    f"--adr.{name}.environment={sys.executable}"
    for name in ("workload-environment", "image-environment", "search-environment")
]
SHORT = ["--adr.sample-dataset.images=60", "--execution_mode=test", "--test_query_count=30", "--probe=0.02"]
OPTIONS = [*HERE, *SHORT, "--rounds=8", "--threads=1"]
KINDS = ("front", "undecided", "dropped")


def experiment(cm: Cm) -> Path:
    (folder,) = (cm.home / "mlperf-home" / "experiments").iterdir()
    return folder


def answer_of(cm: Cm) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((experiment(cm) / "answer.json").read_text())
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    return document


def points(answer: dict[str, Any]) -> list[str]:
    return sorted(each["point"] for kind in KINDS for each in answer[kind])


def journalled(cm: Cm) -> list[str]:
    lines = (experiment(cm) / "journal.jsonl").read_text().splitlines()
    entries = [json.loads(line)["entry"] for line in lines]
    return [entry["key"] for entry in entries if "key" in entry]


def test_repeating_an_exploration_shows_the_same_answer(cm: Cm) -> None:
    ended = cm.script(TAGS, *OPTIONS)

    assert ended.code == 0, ended.output
    assert "SAMPLE: the front" in ended.out
    assert "s spent, at most" in ended.err
    answer = answer_of(cm)
    assert points(answer) == [
        f"sample-mobilenet/{m}/{r}/int8/threads=1" for m in ("0.25", "0.50") for r in ("64", "96")
    ]
    assert answer["sample"] is True
    assert answer["work"]["spent_s"].keys() == {"probe", "check", "official"}
    kept = (experiment(cm) / "journal.jsonl").read_bytes()
    stored = (experiment(cm) / "measurements.jsonl").read_text().splitlines()
    official = [each for each in answer["front"] if each["official"]]
    assert len(stored) == len(official) > 0
    assert json.loads(stored[0])["engine"]["threads_per_stream"]["value"] in {1, "1"}
    assert len(list((experiment(cm) / "results").rglob("measurement.json"))) == len(stored)

    again = cm.script(TAGS, *OPTIONS)

    assert again.code == 0, again.output
    assert (experiment(cm) / "journal.jsonl").read_bytes() == kept
    assert answer_of(cm) == answer
    assert (experiment(cm) / "measurements.jsonl").read_text().splitlines() == stored


def read_until(process: subprocess.Popen[str], marker: str) -> None:
    assert process.stderr is not None
    if not any(marker in line for line in process.stderr):
        pytest.fail(f"{marker!r} was not printed")


@pytest.mark.parametrize(("number", "marker"), [(signal.SIGKILL, "front 0"), (signal.SIGINT, "official runs")])
def test_a_stopped_exploration_measures_nothing_twice(cm: Cm, number: int, marker: str) -> None:
    first = cm.start("run", "script", f"--tags={TAGS}", *OPTIONS, "-v")
    read_until(first, marker)
    os.kill(first.pid, number)
    first.communicate()
    assert first.returncode != 0
    before = journalled(cm)

    ended = cm.script(TAGS, *OPTIONS)

    assert ended.code == 0, ended.output
    after = journalled(cm)
    assert after[: len(before)] == before
    assert len(set(after)) == len(after)
    assert answer_of(cm)["work"]["left_s"] == 0


def test_an_exploration_in_use_is_refused(cm: Cm) -> None:
    first = cm.start("run", "script", f"--tags={TAGS}", *OPTIONS)
    read_until(first, "front 0")
    folder = experiment(cm)
    plan = next((cm.home / "mlperf-home" / "records").rglob("study.json"))
    # Like another machine, which shares the folder but not the lock on measurements.
    second = subprocess.run(
        [sys.executable, str(BOOTSTRAP), "mlperf_home.exploration.live", "--plan", str(plan)],
        capture_output=True,
        text=True,
        check=False,
    )
    out, err = first.communicate()

    assert second.returncode != 0
    assert f"{folder / 'journal.jsonl'}: is in use: another command is running this experiment" in second.stderr
    assert first.returncode == 0, out + err


def test_a_damaged_observation_is_measured_again(cm: Cm) -> None:
    assert cm.script(TAGS, *OPTIONS, "--official=none").code == 0
    journal = experiment(cm) / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[2] = lines[2].replace("probe", "prob", 1)
    journal.write_text("\n".join(lines) + "\n")

    ended = cm.script(TAGS, *OPTIONS, "--official=none")

    assert ended.code == 0, ended.output
    assert f"{journal}: line 3 is damaged (" in ended.err
    assert len(journal.read_text().splitlines()) >= len(lines) + 1


def test_engine_options_are_axes_and_failing_points_left_out(cm: Cm, tmp_path: Path) -> None:
    document = {
        "schema": 1,
        "name": "mine",
        "axes": {
            "family": ["sample-mobilenet"],
            "multiplier": ["0.25"],
            "resolution": ["64"],
            "precision": ["int8"],
            "xnnpack": ["yes", "no"],
            "delegate": [None, "no-such-library.so"],
        },
        "model_axes": ["family", "multiplier", "resolution", "precision"],
        "constraints": [{"when": {"delegate": ["no-such-library.so"]}, "only": {"xnnpack": ["yes"]}}],
    }
    space = tmp_path / "space.json"
    space.write_text(json.dumps(document))

    ended = cm.script(TAGS, *HERE, *SHORT, "--rounds=8", "--threads=1", f"--space={space}", "--official=kept")

    assert ended.code == 0, ended.output
    answer = answer_of(cm)
    failed = [each for each in answer["dropped"] if each["failed"]]
    assert [each["point"].split("/")[-2] for each in failed] == ["delegate=no-such-library.so"]
    assert "delegate no-such-library.so: cannot be loaded" in failed[0]["failed"]
    assert "failed and is left out" in ended.err
    stored = [json.loads(line) for line in (experiment(cm) / "measurements.jsonl").read_text().splitlines()]
    assert len(stored) >= 1
    systems = {each["system"]["name"]["value"].rpartition("default_config-")[2] for each in stored}
    assert systems <= {"threads_1-xnnpack_yes", "threads_1-xnnpack_no"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--risk=0.7", "--risk=0.7: must be below 0.5"),
        ("--rounds=1", "--rounds=1: must be 3 or more"),
        ("--threads=0,1", "--threads=0,1: '0' must be 1 or more"),
        ("--xnnpack=maybe", "axes/xnnpack: 'maybe' is not yes or no"),
        ("--backends=magic", "there is no engine 'magic'"),
        ("--space=/no/such/file.json", "nothing is there"),
        ("--searcher=tpe", "needs --budget"),
        ("--budget=10", "the race ends by itself"),
        ("--seed=-1", "--seed=-1: must be 0 or more"),
        ("--price_per_hour=0", "must be above 0"),
        ("--official=all", "front, kept, none"),
    ],
)
def test_invalid_options_are_refused_before_measuring(cm: Cm, option: str, message: str) -> None:
    ended = cm.script(TAGS, *HERE, *SHORT, option)

    assert ended.code != 0
    assert message in ended.output
    assert "Traceback" not in ended.output
    assert not (cm.home / "mlperf-home" / "experiments").exists()
    assert "get-mlperf-exploration-candidate" not in ended.output


def test_berts_are_explored_by_throughput_and_f1(cm: Cm) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed in this Python")
    options = [*HERE, "--env.CM_SAMPLE_QUESTIONS=40", "--rounds=3", "--probe=0.02", "--execution_mode=test"]
    sizes = ["--streams=1", "--batch=4", "--test_query_count=10", "--official=none"]

    ended = cm.script("explore,bert-99,_sample,_onnxruntime", *options, *sizes)

    assert ended.code == 0, ended.output
    answer = answer_of(cm)
    assert [each["name"] for each in answer["metrics"]] == ["samples_per_second", "f1_percent"]
    assert points(answer) == [
        f"sample-bert/{model}/batch=4/streams=1/lengths=384" for model in ("dense", "pruned-quantised")
    ]
    kept = [*answer["front"], *answer["undecided"]]
    assert all(each["values"]["samples_per_second"] > 0 and each["values"]["f1_percent"] > 50 for each in kept)
    assert "% F1" in ended.out


def test_absent_imagenet_is_an_error_before_models_are_fetched(cm: Cm) -> None:
    ended = cm.script("explore,mobilenet-models", *HERE)

    assert ended.code != 0
    assert "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB" in ended.output
    assert "get-mlperf-exploration-candidate" not in ended.output


WITHOUT = [*HERE, "--without_dataset", "--execution_mode=test", "--test_query_count=30"]
WITHOUT += ["--probe=0.02", "--rounds=8", "--threads=1"]


def test_a_race_without_a_dataset_fetches_in_stages(cm: Cm) -> None:
    first = cm.start("run", "script", f"--tags={TAGS}", *WITHOUT, "--official=front")
    read_until(first, "undecided")
    os.kill(first.pid, signal.SIGINT)
    first.communicate()
    narrowed = (experiment(cm) / "narrowing.jsonl").read_bytes()
    before = journalled(cm)

    ended = cm.script(TAGS, *WITHOUT, "--official=front")

    assert ended.code == 0, ended.output
    assert "probe 3 of 4 models" in ended.err
    assert "> get-dataset-imagenet-val" not in ended.err
    # Nothing is measured twice.
    assert (experiment(cm) / "narrowing.jsonl").read_bytes() == narrowed
    assert journalled(cm)[: len(before)] == before
    answer = answer_of(cm)
    assert answer["without_dataset"] is True
    assert answer["work"]["spent_s"]["check"] == 0
    assert len(points(answer)) == 4
    assert all(each["accuracy_source"].startswith("copied: ") for kind in KINDS for each in answer[kind])
    assert "unofficial" in ended.out
    stored = [json.loads(line) for line in (experiment(cm) / "measurements.jsonl").read_text().splitlines()]
    assert stored
    assert {each["values"]["top1_percent"]["origin"] for each in stored} == {"copied"}
    assert all("it has no accuracy run" in each["unofficial_because"] for each in stored)


def test_without_a_dataset_its_options_are_refused(cm: Cm) -> None:
    ended = cm.script("explore,mobilenet-models", "--without_dataset", "--full_accuracy")

    assert ended.code != 0
    assert "--full_accuracy: conflicts with --without_dataset" in ended.output
    assert "Traceback" not in ended.output
