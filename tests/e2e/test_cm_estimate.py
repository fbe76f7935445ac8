"""Estimates with the real LoadGen and LiteRT on the embedded sample: run, stopped, repeated, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mlperf_home.contracts.documents import schema_path

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

for package in ("mlperf_loadgen", "ai_edge_litert", "cv2", "scipy"):
    pytest.importorskip(package, reason=f"{package} is not installed in this Python")

pytestmark = pytest.mark.engine
SCHEMA = json.loads(schema_path("estimate").read_text("utf-8"))
TAGS = "estimate,mobilenet-models,_sample"
HERE = [
    f"--adr.{name}.environment={sys.executable}"
    for name in ("workload-environment", "image-environment", "search-environment")
]
OPTIONS = [*HERE, "--probe=0.02", "--rounds=2"]


def folder(cm: Cm) -> Path:
    (found,) = (cm.home / "mlperf-home" / "estimates").iterdir()
    return found


def estimate_of(cm: Cm) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder(cm) / "estimate.json").read_text())
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    return document


def test_the_sample_measures_three_and_predicts_five(measuring_cm: Cm) -> None:
    ended = measuring_cm.script(TAGS, *OPTIONS)

    assert ended.code == 0, ended.output
    document = estimate_of(measuring_cm)
    assert [each["origin"] for each in document["models"]].count("measured") == 3
    assert len(document["models"]) == 8
    assert document["sample"] is True
    assert "SAMPLE: where this machine stands" in ended.out
    assert "made-up machines" in ended.out
    assert all(len(line) <= 80 for line in ended.out.splitlines() if line.startswith("│"))

    again = measuring_cm.script(TAGS, *OPTIONS, "--measured=4")

    assert again.code == 0, again.output
    made = list((measuring_cm.home / "mlperf-home" / "estimates").glob("*/estimate.json"))
    assert sorted(path.read_text().count('"measured"') for path in made) == [3, 4]


def test_a_stopped_estimate_goes_on_where_it_stopped(measuring_cm: Cm) -> None:
    first = measuring_cm.start("run", "script", f"--tags={TAGS}", *HERE, "--probe=0.02", "--rounds=8", "-v")
    assert first.stderr is not None
    assert any("probes: 2" in line for line in first.stderr)
    os.kill(first.pid, signal.SIGINT)
    out, err = first.communicate()
    assert first.returncode not in {0, None}, out + err
    assert "Traceback" not in out + err
    before = (folder(measuring_cm) / "journal.jsonl").read_text()
    assert before.count("probe/") >= 3

    ended = measuring_cm.script(TAGS, *HERE, "--probe=0.02", "--rounds=8")

    assert ended.code == 0, ended.output
    assert estimate_of(measuring_cm)["models"]
    # The next one measures anew.
    assert sorted(path.name for path in folder(measuring_cm).iterdir()) == ["calibration.json", "estimate.json"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--measured=2", "must be 3 or more"),
        ("--rounds=many", "rounds"),
        ("--probe=0", "above 0"),
        ("--imagenet_path=/data", "imagenet_path"),
        ("--modelz=3", "modelz"),
    ],
)
def test_wrong_input_is_one_line_before_anything_runs(cm: Cm, option: str, message: str) -> None:
    ended = cm.script(TAGS, option)

    assert ended.code != 0
    assert message in ended.output
    assert "Traceback" not in ended.output
    assert "> detect-os" not in ended.output


def test_the_plan_names_what_it_may_measure(cm: Cm) -> None:
    shown = subprocess.run(
        [str(cm.program), "run", "script", "--tags=estimate,mobilenet-models", "--plan", "-v"],
        env=cm.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    assert "get,mlperf,exploration,candidate" in shown.stdout
