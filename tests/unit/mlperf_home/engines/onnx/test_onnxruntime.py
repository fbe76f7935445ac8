"""The decisions of the onnxruntime backend; the conformance suite checks the behaviour of all backends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.onnx.onnxruntime import OnnxRuntimeBackend
from mlperf_home.testing import tiny_bert
from mlperf_home.testing.tiny_bert import TinyBert

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine
pytest.importorskip("onnxruntime")


@pytest.fixture
def engine_setup(tmp_path: Path) -> EngineSetup:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    return EngineSetup(tiny_bert.write(tmp_path / "model.onnx"), work_dir, Grid((32, 64), (2, 1), 1), cores=1)


def _inputs(batch: int, length: int) -> tuple[Any, Any, Any]:
    ids = np.arange(batch * length, dtype=np.int64).reshape(batch, length) % tiny_bert.VOCABULARY
    return ids, np.ones_like(ids), np.zeros_like(ids)


def test_fixed_and_dynamic_shapes_give_equal_logits(engine_setup: EngineSetup) -> None:
    logits = []
    for fixed in (False, True):
        backend = OnnxRuntimeBackend()
        description = backend.open(replace(engine_setup, options={"fixed_shapes": fixed}))
        assert description.details["shapes"] == ("fixed" if fixed else "dynamic")
        logits.append(backend.run(_inputs(1, 32)))
        backend.close()
    assert np.allclose(logits[0], logits[1], atol=1e-5)


def test_a_model_of_one_shape_runs_at_that_shape(engine_setup: EngineSetup) -> None:
    tiny_bert.write(engine_setup.model_path, TinyBert(shape=(1, 64)))
    backend = OnnxRuntimeBackend()
    description = backend.open(replace(engine_setup, grid=Grid((64,), (1,), 1)))
    assert description.details["shapes"] == "fixed"
    assert backend.run(_inputs(1, 64)).shape == (1, 64, 2)
    with pytest.raises(BackendError, match="exported for length 64 only"):
        OnnxRuntimeBackend().open(replace(engine_setup, grid=Grid((32, 64), (1, 1))))


def test_int8_with_dynamic_scales_runs(engine_setup: EngineSetup) -> None:
    tiny_bert.write(engine_setup.model_path, TinyBert(dynamic_int8=True))
    backend = OnnxRuntimeBackend()
    backend.open(engine_setup)
    assert np.isfinite(backend.run(_inputs(2, 32))).all()


def test_wrong_options_are_named(engine_setup: EngineSetup) -> None:
    with pytest.raises(BackendError, match="threads must be a positive whole number"):
        OnnxRuntimeBackend().open(replace(engine_setup, options={"threads": 0}))


def test_an_import_error_names_the_runtime(engine_setup: EngineSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise ImportError("libfoo.so.1: cannot open shared object file")

    monkeypatch.setattr("mlperf_home.engines.onnx.runtime_sessions.importlib.import_module", refuse)
    with pytest.raises(BackendError, match=r"onnxruntime cannot be imported \(libfoo"):
        OnnxRuntimeBackend().open(engine_setup)
