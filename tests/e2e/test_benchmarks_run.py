"""Each benchmark runs with one command and writes its figures; their values are not tested."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cm_command import CM

from mlperf_home.samples.bert import MODELS

ROOT = Path(__file__).parents[2]
SOURCE = {"PYTHONPATH": str(ROOT / "src")}
OFFLINE = ["ours / bare engine", "ours / naive", "ours / 2023 (the better batch size)"]


def run_benchmark(folder: Path, name: str, *options: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run a benchmark; return its exit status, 0 or 1, and the figures that it wrote."""
    figures = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *options, "--json", str(figures)],
        env={**os.environ, **environment, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    # A traceback also ends with status 1.
    assert figures.is_file(), done.stderr
    return done.returncode, json.loads(figures.read_text())


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "goals"),
    [pytest.param("bert_offline", OFFLINE, marks=pytest.mark.long), ("bert_single_stream", OFFLINE[:1])],
)
def test_a_benchmark_writes_its_ratios(tmp_path: Path, name: str, goals: list[str]) -> None:
    for package in ("deepsparse", "mlperf_loadgen", "tokenizers"):
        pytest.importorskip(package)
    if not MODELS["pruned-quantised"].is_file():
        pytest.skip("the sample's models are absent")

    _, document = run_benchmark(tmp_path, name, "--count", "80", "--rounds", "1", **SOURCE)

    assert [goal["name"] for goal in document["goals"]] == goals
    assert all(ratio > 0 for goal in document["goals"] for ratio in goal["ratios"])
    assert 150 < document["mean_length_tokens"] < 220


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.long) for name in ("image_single_stream", "kept_latencies")),
        "image_offline",
    ],
)
def test_image_benchmarks_measure_each_engine_and_model(tmp_path: Path, name: str) -> None:
    for package in ("ai_edge_litert", "mlperf_loadgen", "cv2"):
        pytest.importorskip(package)

    status, document = run_benchmark(tmp_path, name, "--rounds", "1", "--seconds", "0.02", **SOURCE)

    assert status == (0 if document["reached"] else 1)
    assert {"litert"} <= {run["engine"] for run in document["runs"]}
    assert len({run["model"] for run in document["runs"]}) == 2


def test_scaling_writes_a_file_to_send_back(tmp_path: Path) -> None:
    for package in ("onnxruntime", "mlperf_loadgen", "cv2"):
        pytest.importorskip(package)

    options = ["--kind=resnet50", "--rounds", "1", "--seconds", "0.02"]
    status, document = run_benchmark(tmp_path, "scaling", *options, **SOURCE)

    assert status == 0
    (run,) = document["runs"]
    assert run["engine"].startswith("onnxruntime ")
    assert run["ways"][0]["name"].startswith("1 core, 1 x 1")
    assert all(way["median"] > 0 and not way["failure"] for way in run["ways"])
    usable = [cpu for core in document["machine"]["usable_cores"] for cpu in core["cpus"]]
    assert sorted(usable) == sorted(os.sched_getaffinity(0))
    assert platform.node() not in json.dumps(document)


def test_the_engines_cost_is_measured_with_the_installed_cm(tmp_path: Path) -> None:
    if not CM.exists():
        pytest.skip("cm is not installed beside this Python: pip install '.[test]'")

    status, document = run_benchmark(tmp_path, "engine_cost", "--many", "300", "--rounds", "1")

    assert len(document["goals"]) == 7
    assert status == (0 if all(goal["reached"] for goal in document["goals"]) else 1)
    assert all(figure > 0 for figure in document["figures"]["floor"])


def test_our_own_program_is_measured_beside_cm(tmp_path: Path) -> None:
    if not CM.with_name("mlperf-home").exists():
        pytest.skip("mlperf-home is not installed beside this Python: pip install '.[test]'")

    status, document = run_benchmark(tmp_path, "own_program", "--rounds", "1")

    assert len(document["goals"]) == 3
    assert status == (0 if all(goal["reached"] for goal in document["goals"]) else 1)
    assert all(figure > 0 for figures in document["figures"].values() for figure in figures)


def test_predictions_are_judged_by_group(tmp_path: Path) -> None:
    status, document = run_benchmark(tmp_path, "prediction", "--probes", "8", "--seeds", "1", **SOURCE)

    assert status == (0 if document["reached"] else 1)
    assert document["machines"] > 40
    assert {"EPYC", "tflite-cpp", "runtimes"} <= document.keys()


@pytest.mark.slow
def test_a_board_of_made_up_bundles_is_measured(tmp_path: Path) -> None:
    for package in ("numpy", "scipy"):
        pytest.importorskip(package)
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen (openssh-client)")

    status, document = run_benchmark(tmp_path, "board_scale", "--bundles=2", "--models=3", "--lying=0", **SOURCE)

    assert status == 0
    assert sum(document["states"]["honest"].values()) == 6
    assert all(seconds > 0 for seconds in document["times"].values())


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("run_states", ["--runs=2", "--models=independent, 3 %"], 1),
        ("exploration_noise", ["--studies=2", "--points", "8", "--models=one loud"], 1),
        ("replay_verdicts", ["--replays=2"], 20),
        ("calibration", ["--simulate", "--studies=2", "--seconds=20"], 2),
    ],
)
def test_simulations_print_a_table(tmp_path: Path, name: str, options: list[str], rows: int) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *options],
        env={**os.environ, **SOURCE, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode in {0, 1}, done.stderr
    header, rule, *body = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(body) == rows
    assert {line.count("|") for line in (header, rule, *body)} == {header.count("|")}
