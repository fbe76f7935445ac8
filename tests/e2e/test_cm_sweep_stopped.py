"""A sweep over models that is killed or started twice measures each model once and leaves no partial result."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from mlperf_home.samples.mobilenet import MODELS

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("mlperf_loadgen", reason="LoadGen is not installed in this Python")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed in this Python")
pytest.importorskip("cv2", reason="OpenCV is not installed in this Python")

pytestmark = pytest.mark.engine
SWEEP = "--tags=run,mobilenet-models,_tflite,_sample,_only-int8,_performance-only"
NAMES = sorted(name for name in MODELS if name.endswith("int8"))
RUNS, DONE = "LoadGen runs SingleStream, performance", "LoadGen is done"
# Printed when the first model is done and the second begins.
BETWEEN = "> get-ml-model-mobilenet"


@pytest.fixture
def cm(measuring_cm: Cm) -> Cm:
    """Return a `cm` that shares its cache with the other tests that measure."""
    return measuring_cm


def start(cm: Cm, tmp_path: Path) -> subprocess.Popen[str]:
    environments = ("workload-environment", "image-environment")
    return cm.start(
        *("run", "script", SWEEP),
        *(f"--adr.{name}.environment={sys.executable}" for name in environments),
        *("--execution_mode=test", "--adr.sample-dataset.images=60", "--test_query_count=40"),
        f"--results_dir={tmp_path / 'results'}",
        "-v",  # a row of a sweep is one line otherwise
    )


def read_until(process: subprocess.Popen[str], marker: str, count: int) -> None:
    """Read standard error until `count` lines have held the marker."""
    assert process.stderr is not None
    for line in process.stderr:
        count -= marker in line
        if not count:
            return
    pytest.fail(f"{marker!r} was not printed so often")


def sessions(tmp_path: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and modification time of each complete session, by model name."""
    found = (tmp_path / "results").rglob("performance-session.json")
    paths = [path for path in found if ".new" not in path.parts]
    return {path.parent.parent.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.mark.parametrize(
    ("marker", "count"),
    [
        (RUNS, 1),
        (BETWEEN, 2),
        pytest.param(RUNS, 3, marks=pytest.mark.long),
        pytest.param(DONE, 2, marks=pytest.mark.long),
    ],
)
def test_a_killed_sweep_resumes_without_measuring_twice(cm: Cm, tmp_path: Path, marker: str, count: int) -> None:
    first = start(cm, tmp_path)
    read_until(first, marker, count)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    kept = sessions(tmp_path)

    again = start(cm, tmp_path)
    out, err = again.communicate()

    assert again.returncode == 0, out + err
    ended = sessions(tmp_path)
    assert sorted(ended) == NAMES
    assert {name: ended[name] for name in kept} == kept
    assert err.count(RUNS) == len(NAMES) - len(kept)
    assert all(json.loads(content)["status"] == "complete" for content, _ in ended.values())
    assert not [path for path in (tmp_path / "results").rglob("*") if path.name == ".new" or ".partial" in path.name]


def test_two_sweeps_into_one_folder_measure_each_model_once(cm: Cm, tmp_path: Path) -> None:
    # cmind's own index is not safe for two first commands in an empty CM_REPOS.
    assert cm.script("detect,os").code == 0
    both = [start(cm, tmp_path), start(cm, tmp_path)]
    outputs = [process.communicate() for process in both]

    for process, (out, err) in zip(both, outputs, strict=True):
        refused = "another run is measuring into it" in out + err
        assert process.returncode == 0 or refused, out + err
    assert sum(err.count(RUNS) for _, err in outputs) == len(NAMES)
    ended = sessions(tmp_path)
    assert sorted(ended) == NAMES

    last = start(cm, tmp_path)
    out, err = last.communicate()

    assert last.returncode == 0, out + err
    assert RUNS not in err
    assert sessions(tmp_path) == ended
    assert all(name in out for name in NAMES)
