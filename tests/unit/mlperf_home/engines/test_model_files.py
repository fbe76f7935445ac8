"""All files of a model belong to its identity."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import onnx
import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.model_files import folder_files, read_model_file
from mlperf_home.testing import tiny_bert, tiny_classifier
from mlperf_home.testing.tiny_classifier import TinyClassifier

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "m.data"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a BERT whose weights are in a file beside it."""
    path = tmp_path / "m.onnx"
    content = onnx.load(str(tiny_bert.write(path)))
    onnx.save_model(content, str(path), save_as_external_data=True, location=WEIGHTS, size_threshold=64)
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("backend", ["onnxruntime", "deepsparse"])
def test_weights_beside_an_onnx_model_are_hashed(model: Path, backend: str) -> None:
    found = read_model_file(model, backend)
    assert found.sha256 == _sha256(model)
    assert found.files == {WEIGHTS: _sha256(model.with_name(WEIGHTS))}
    before = found.content_sha256
    (model.with_name(WEIGHTS)).write_bytes(bytes(model.with_name(WEIGHTS).stat().st_size))
    again = read_model_file(model, backend)
    assert again.sha256 == found.sha256
    assert again.content_sha256 != before


def test_a_single_file_has_its_own_hash(tmp_path: Path) -> None:
    path = tiny_bert.write(tmp_path / "m.onnx")
    found = read_model_file(path, "onnxruntime")
    assert (found.files, found.content_sha256) == ({}, _sha256(path))


def test_files_beside_a_tflite_model_are_hashed(tmp_path: Path) -> None:
    path = tiny_classifier.write(tmp_path / "m.tflite", TinyClassifier(files=("w.bin",)))
    with pytest.raises(BackendError, match=r"its file w\.bin cannot be read \(there is no such file\); put it beside"):
        read_model_file(path, "litert")
    (tmp_path / "w.bin").write_bytes(b"weights")
    assert read_model_file(path, "litert").files == {"w.bin": _sha256(tmp_path / "w.bin")}


@pytest.mark.parametrize("backend", ["echo", "package.module:Backend"])
def test_a_model_of_an_unknown_form_is_its_file(tmp_path: Path, backend: str) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert read_model_file(tmp_path / "m.onnx", backend).files == {}


def test_missing_weights_are_named(model: Path) -> None:
    model.with_name(WEIGHTS).unlink()
    with pytest.raises(BackendError, match=r"its file m\.data cannot be read \(there is no such file\)"):
        read_model_file(model, "onnxruntime")


def test_a_device_is_no_file_of_a_model(model: Path) -> None:
    model.with_name(WEIGHTS).unlink()
    model.with_name(WEIGHTS).symlink_to("/dev/zero")
    with pytest.raises(BackendError, match="there is no such file"):
        read_model_file(model, "onnxruntime")


def test_a_folder_is_all_its_files_also_behind_links(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    (folder / "1").mkdir(parents=True)
    elsewhere.mkdir()
    (folder / "1" / "a").write_text("a")
    (elsewhere / "b").write_text("b")
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    assert sorted(folder_files(folder)) == ["1/a", "linked/b"]
    found = read_model_file(folder, "echo")
    assert (found.sha256, found.reason) == (None, "the model is not a file")
    (elsewhere / "b").write_text("other")
    assert read_model_file(folder, "echo").content_sha256 != found.content_sha256


def test_a_file_that_cannot_be_read_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> str:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("mlperf_home.engines.model_files.sha256_of", fail)
    with pytest.raises(BackendError, match=r"m\.onnx cannot be read \(Permission denied\)|m\.data cannot be read"):
        read_model_file(model, "onnxruntime")
