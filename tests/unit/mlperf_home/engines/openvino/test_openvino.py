"""The OpenVINO engine on real models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.openvino.engine import OpenVinoBackend
from mlperf_home.testing import tiny_bert, tiny_classifier
from mlperf_home.testing.tiny_bert import TinyBert

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.engines.base import EngineDescription

pytestmark = pytest.mark.engine
pytest.importorskip("openvino", reason="openvino is not installed")
GRID = Grid((32, 64), (2, 1), 1)


def opened(path: Path, grid: Grid = GRID, **options: object) -> tuple[OpenVinoBackend, EngineDescription]:
    backend = OpenVinoBackend()
    return backend, backend.open(EngineSetup(path, path.parent, grid, options=options))


def test_int8_quantised_at_run_time_is_refused(tmp_path: Path) -> None:
    model = tiny_bert.write(tmp_path / "model.onnx", TinyBert(dynamic_int8=True))

    with pytest.raises(BackendError, match=r"quantised at run time .*use the deepsparse or the onnxruntime backend"):
        opened(model)


def test_f32_on_request_is_what_the_model_computes_in(tmp_path: Path) -> None:
    backend, description = opened(tiny_bert.write(tmp_path / "model.onnx"), precision="f32")

    assert description.details["precision"] == "f32"
    backend.close()


def test_open_and_fixed_shapes_have_equal_logits(tmp_path: Path) -> None:
    model = tiny_bert.write(tmp_path / "model.onnx")
    ids = np.random.default_rng(0).integers(1, 100, (2, 32))
    inputs = (ids, np.ones_like(ids), np.zeros_like(ids))
    logits = []
    for fixed in (True, False):
        backend, description = opened(model, fixed_shapes=fixed, precision="f32")
        assert description.details["shapes"] == ("fixed" if fixed else "dynamic")
        logits.append(backend.run(inputs))
        backend.close()

    assert np.abs(logits[0] - logits[1]).max() < 1e-4


def test_a_model_for_another_length_is_refused(tmp_path: Path) -> None:
    model = tiny_bert.write(tmp_path / "model.onnx", TinyBert(shape=(1, 64)))

    with pytest.raises(BackendError, match="exported for batch size 1 only, not for 2"):
        opened(model)


def test_read_only_inputs_are_inferred(tmp_path: Path) -> None:
    backend, _ = opened(tiny_bert.write(tmp_path / "model.onnx"))
    ids = np.ones((1, 64), dtype=np.int64)
    ids.flags.writeable = False

    assert backend.run((ids, ids, ids)).shape == (1, 64, 2)
    backend.close()


def test_a_damaged_file_names_the_model(tmp_path: Path) -> None:
    path = tiny_classifier.write(tmp_path / "model.tflite")
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(BackendError, match=r"model\.tflite: the TFLite file is incomplete or damaged"):
        opened(path, Grid((), (1,), 1))
