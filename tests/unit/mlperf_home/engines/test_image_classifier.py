"""The image and the classes of a classifier are found by shapes and types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.image_classifier import ImageClassifier, TensorFacts, read_image_classifier

PATH = Path("model.onnx")
IMAGE = TensorFacts("input", (None, 3, 8, 8), "float32")
SCORES = TensorFacts("softmax", (None, 1001), "float32")
CLASSES = TensorFacts("argmax", (None,), "int64")


def read(
    image: TensorFacts = IMAGE, outputs: tuple[TensorFacts, ...] = (SCORES,), *, background: bool | None = None
) -> ImageClassifier:
    return read_image_classifier([image], outputs, PATH, background=background)


def test_scores_are_preferred_to_classes() -> None:
    model = read(outputs=(CLASSES, SCORES))

    assert (model.position, model.classes, model.background) == (1, 1000, 1)


def test_the_background_is_no_class() -> None:
    scores = np.zeros((2, 1001), dtype=np.float32)
    scores[0, [0, 5]], scores[1, 1000] = (9, 4), 1

    assert read().answers(scores, 2).tolist() == [4, 999]


def test_the_layout_is_told_to_the_dataset() -> None:
    last = TensorFacts("input", (1, 8, 8, 3), "float32")

    assert read().details["input"]["layout"] == "NCHW"
    assert read().details["input"]["shape"] == [1, 3, 8, 8]
    assert read(last).details["input"]["layout"] == "NHWC"


def test_classes_alone_need_to_know_the_background() -> None:
    with pytest.raises(BackendError, match=r"argmax holds classes.*add the option background"):
        read(outputs=(CLASSES,))
    model = read(outputs=(CLASSES,), background=True)

    assert model.answers(np.array([1, 1000]), 2).tolist() == [0, 999]


def test_a_partial_batch_is_filled_on_request() -> None:
    images, count = read().images((np.ones((2, 3, 8, 8), np.float32),), 4, full=True)

    assert (images.shape, count) == ((4, 3, 8, 8), 2)


@pytest.mark.parametrize(
    ("image", "outputs", "reason"),
    [
        (TensorFacts("ids", (None, 384), "int64"), (SCORES,), r"its inputs are ids \(\?, 384\), not one image"),
        (TensorFacts("x", (None, 3, None, None), "float32"), (SCORES,), "not one square RGB image"),
        (TensorFacts("x", (None, 1, 8, 8), "float32"), (SCORES,), "not one square RGB image"),
        (TensorFacts("x", (None, 3, 8, 8), "float64"), (SCORES,), "its input is float64"),
        (IMAGE, (TensorFacts("map", (None, 21, 8, 8), "float32"),), "not one score for each class"),
    ],
)
def test_other_models_are_refused(image: TensorFacts, outputs: tuple[TensorFacts, ...], reason: str) -> None:
    with pytest.raises(BackendError, match=reason):
        read(image, outputs)


@pytest.mark.parametrize(
    ("shape", "kind", "reason"),
    [
        ((2, 8, 8, 3), np.float32, "pass one of shape"),
        ((5, 3, 8, 8), np.float32, "prepared for 1 to 4"),
        ((2, 3, 8, 8), np.uint8, "convert them to float32"),
    ],
)
def test_other_images_are_refused(shape: tuple[int, ...], kind: type, reason: str) -> None:
    with pytest.raises(BackendError, match=reason):
        read().images((np.ones(shape, kind),), 4, full=True)
