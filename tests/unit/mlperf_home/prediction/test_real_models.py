"""Real MobileNets on this machine's engines, predicted from each other; skipped without the files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlperf_home.published.results import shipped_results

ROOT = Path(__file__).parents[4]
REAL = ROOT / "../shared/data/tflite"
sys.path.insert(0, str(ROOT / "benchmarks"))

from prediction_real import ENGINES, left_out, measure, model_of  # noqa: E402 - after its folder

PATHS = sorted(REAL.glob("mobilenet_*.tflite"))

pytestmark = [pytest.mark.engine, pytest.mark.skipif(len(PATHS) < 5, reason="the real models are absent")]


def test_files_have_the_names_of_published_models() -> None:
    assert {model_of(path) for path in PATHS} <= set(shipped_results("images").probes)


@pytest.mark.parametrize("runtime", ENGINES)
def test_intervals_are_wider_than_for_a_published_runtime(runtime: str) -> None:
    engine = pytest.importorskip(ENGINES[runtime])
    measured = measure(PATHS, engine, 0.05, 2)

    rows = left_out(measured, runtime, 4)

    assert len(rows) == 5
    assert all(row["inside"] >= row["inside_if_known"] for row in rows)
    assert all(row["width"] > row["width_if_known"] for row in rows)
