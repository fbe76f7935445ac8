"""The size of a classifier's images and its classes are read from the ONNX file, before images are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("onnx")

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.classifier_file import read_onnx_classifier
from mlperf_home.engines.tflite.classifier_file import ClassifierFacts
from mlperf_home.samples import resnet50
from mlperf_home.testing import tiny_onnx_classifier
from mlperf_home.testing.tiny_onnx_classifier import TinyOnnxClassifier

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("properties", "facts"),
    [
        (TinyOnnxClassifier(), ClassifierFacts(4, 1000)),
        (TinyOnnxClassifier(image=(6, 6, 3), classes=10), ClassifierFacts(6, 10)),
        (TinyOnnxClassifier(batch=1, listed_weights=True), ClassifierFacts(4, 1000)),
        (TinyOnnxClassifier(outputs=("classes",)), ClassifierFacts(4, None)),
    ],
    ids=["reference", "channels last", "old file", "classes only"],
)
def test_side_and_classes_are_read(tmp_path: Path, properties: TinyOnnxClassifier, facts: ClassifierFacts) -> None:
    assert read_onnx_classifier(tiny_onnx_classifier.write(tmp_path / "m.onnx", properties)) == facts


def test_the_sample_has_the_reference_interface() -> None:
    assert read_onnx_classifier(resnet50.MODEL) == ClassifierFacts(64, 1000)


@pytest.mark.parametrize("image", [(3, 4, 6), (1, 4, 4), (4, 4)])
def test_other_images_are_refused_with_their_shape(tmp_path: Path, image: tuple[int, ...]) -> None:
    path = tiny_onnx_classifier.write(tmp_path / "m.onnx", TinyOnnxClassifier(image=image))

    with pytest.raises(BackendError, match=r"input_tensor:0 \(\?, .*use a classifier of single square RGB images"):
        read_onnx_classifier(path)


@pytest.mark.parametrize("content", [b"", b"\x00", b"<html>", b"\x3a\xff\xff\xff\xff\x0f"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)

    with pytest.raises(BackendError, match="is not a complete ONNX file"):
        read_onnx_classifier(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be read"):
        read_onnx_classifier(tmp_path / "nowhere.onnx")
