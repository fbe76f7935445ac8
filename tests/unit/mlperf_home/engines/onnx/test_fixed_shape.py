"""Fixed-shape copies leave the user's model unchanged, and processes may share their folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs
from mlperf_home.testing import tiny_bert
from mlperf_home.testing.tiny_bert import TinyBert

SOURCE = Path(__file__).parents[5] / "src"


def _dims(value: onnx.ValueInfoProto) -> list[int]:
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return tiny_bert.write(tmp_path / "model.onnx")


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_the_file_of_the_model_is_never_changed(model_path: Path, work_dir: Path) -> None:
    model_path.chmod(0o444)
    before = model_path.read_bytes()
    graphs = FixedShapeGraphs(model_path, work_dir)
    graphs.path(2, 64)
    assert model_path.read_bytes() == before
    assert graphs.sha256 == hashlib.sha256(before).hexdigest()
    assert {path.name for path in model_path.parent.iterdir()} == {"model.onnx", "work"}


def test_inputs_and_outputs_get_the_shape(model_path: Path, work_dir: Path) -> None:
    made = onnx.load(str(FixedShapeGraphs(model_path, work_dir).path(2, 64)))
    assert [_dims(value) for value in (*made.graph.input, *made.graph.output)] == [[2, 64]] * 5
    onnx.checker.check_model(made)


def test_a_joint_output_keeps_its_last_dimension(tmp_path: Path, work_dir: Path) -> None:
    path = tiny_bert.write(tmp_path / "one.onnx", TinyBert(output_names=("logits",)))
    made = onnx.load(str(FixedShapeGraphs(path, work_dir).path(2, 64)))
    assert _dims(made.graph.output[0]) == [2, 64, 2]


def test_weights_are_written_once_for_all_shapes(model_path: Path, work_dir: Path) -> None:
    graphs = FixedShapeGraphs(model_path, work_dir)
    made = [graphs.path(batch, 64) for batch in (1, 2, 4)]
    weights = [path for path in work_dir.iterdir() if path.name.endswith("weights.bin")]
    assert len(weights) == 1
    assert len(list(work_dir.iterdir())) == 4
    assert weights[0].stat().st_size > sum(path.stat().st_size for path in made)


def test_shapes_noted_by_the_exporter_are_removed(tmp_path: Path, work_dir: Path) -> None:
    path = tiny_bert.write(tmp_path / "stale.onnx", TinyBert(stale_shapes=True))
    assert onnx.load(str(path)).graph.value_info
    made = onnx.load(str(FixedShapeGraphs(path, work_dir).path(2, 64)))
    assert not made.graph.value_info


def test_a_copy_computes_the_same_as_the_model(model_path: Path, work_dir: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    ids = np.arange(128, dtype=np.int64).reshape(2, 64) % tiny_bert.VOCABULARY
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    outputs = []
    for path in (model_path, FixedShapeGraphs(model_path, work_dir).path(2, 64)):
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        outputs.append(session.run(None, feed))
    for expected, actual in zip(*outputs, strict=True):
        assert np.allclose(expected, actual, atol=1e-5)


def test_existing_files_are_reused(model_path: Path, work_dir: Path) -> None:
    first = FixedShapeGraphs(model_path, work_dir).path(2, 64)
    kept = {path: path.stat().st_mtime_ns for path in work_dir.iterdir()}
    again = FixedShapeGraphs(model_path, work_dir).path(2, 64)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in work_dir.iterdir()} == kept


@pytest.mark.parametrize("ending", [".onnx", "weights.bin"])
@pytest.mark.parametrize("rest", [0, 100])
def test_incomplete_files_are_written_again(model_path: Path, work_dir: Path, ending: str, rest: int) -> None:
    graphs = FixedShapeGraphs(model_path, work_dir)
    made = graphs.path(2, 64)
    expected = {path.name: path.read_bytes() for path in work_dir.iterdir()}
    broken = next(path for path in work_dir.iterdir() if path.name.endswith(ending))
    broken.write_bytes(broken.read_bytes()[:rest])
    assert FixedShapeGraphs(model_path, work_dir).path(2, 64) == made
    assert {path.name: path.read_bytes() for path in work_dir.iterdir()} == expected


def test_shapes_can_be_written_after_release(model_path: Path, work_dir: Path) -> None:
    graphs = FixedShapeGraphs(model_path, work_dir)
    graphs.path(1, 64)
    graphs.release()
    assert graphs.path(1, 96).is_file()


def test_another_model_has_other_file_names(tmp_path: Path, work_dir: Path) -> None:
    first = tiny_bert.write(tmp_path / "one.onnx")
    second = tiny_bert.write(tmp_path / "two.onnx", TinyBert(output_names=("logits",)))
    assert FixedShapeGraphs(first, work_dir).path(1, 64) != FixedShapeGraphs(second, work_dir).path(1, 64)


def test_external_weights_are_found(tmp_path: Path, work_dir: Path) -> None:
    path = tmp_path / "outside.onnx"
    model = onnx.load(str(tiny_bert.write(path)))
    onnx.save_model(model, str(path), save_as_external_data=True, location="outside.weights", size_threshold=64)
    made = onnx.load(str(FixedShapeGraphs(path, work_dir).path(1, 64)))
    onnx.checker.check_model(made)


def test_two_processes_may_write_the_same_files(model_path: Path, work_dir: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mlperf_home.engines.onnx.fixed_shape import FixedShapeGraphs\n"
        "graphs = FixedShapeGraphs(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for length in range(32, 96, 4): graphs.path(2, length)\n"
    )
    command = [sys.executable, "-c", program, str(model_path), str(work_dir)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.communicate("go\n")
    assert [child.returncode for child in children] == [0, 0]
    made = sorted(work_dir.iterdir())
    assert len(made) == 17
    for path in made:
        if path.suffix == ".onnx":
            onnx.checker.check_model(onnx.load(str(path)))


def test_a_model_of_one_shape_refuses_others(tmp_path: Path, work_dir: Path) -> None:
    path = tiny_bert.write(tmp_path / "fixed.onnx", TinyBert(shape=(1, 384)))
    graphs = FixedShapeGraphs(path, work_dir)
    assert graphs.path(1, 384).is_file()
    with pytest.raises(BackendError, match="exported for length 384 only, not for 64"):
        graphs.path(1, 64)
    with pytest.raises(BackendError, match="exported for batch size 1 only, not for 2"):
        graphs.path(2, 384)


def test_an_absent_work_folder_is_named(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="nowhere: does not exist"):
        FixedShapeGraphs(model_path, tmp_path / "nowhere")


def test_an_unwritable_folder_is_named(model_path: Path, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlperf_home.engines.onnx.fixed_shape.replacement", refuse)
    with pytest.raises(BackendError, match="No space left on device"):
        FixedShapeGraphs(model_path, work_dir).path(1, 64)
    assert not list(work_dir.iterdir())
