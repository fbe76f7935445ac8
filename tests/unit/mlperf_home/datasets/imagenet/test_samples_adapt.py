"""Samples adapt to the model's input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.samples import ImagenetSamples

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    facts = {
        "format": 1,
        "name": "sample-images",
        "sample_note": "made up",
        "notes": [],
        "recipe": "mlperf-v3.1",
        "family": "",
        "steps": "as they are",
        "resolution": 2,
        "images": 3,
        "performance_count": 3,
        "list_sha256": "1",
        "labels_sha256": "2",
        "pixels_sha256": "3",
    }
    (tmp_path / "images.json").write_text(json.dumps(facts))
    np.save(tmp_path / "images.npy", np.arange(36, dtype=np.uint8).reshape(3, 2, 2, 3))
    return tmp_path


def details(dtype: str, side: int = 2, scale: float = 0.0, zero_point: int = 0) -> dict[str, Any]:
    return {"input": {"shape": [1, side, side, 3], "dtype": dtype, "scale": scale, "zero_point": zero_point}}


def first(samples: ImagenetSamples) -> np.ndarray[Any, Any]:
    samples.load([0])
    (array,) = samples.batch(np.array([0]), None)
    return array


def test_float_model_gets_floats_from_minus_one_to_one(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.adapt(details("float32"))

    made = first(samples)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.reshape(-1), (np.arange(12) - 127.5) / 127.5, rtol=1e-6)


def test_quantised_mobilenet_gets_raw_or_shifted_pixels(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.adapt(details("uint8", scale=1 / 127.5, zero_point=128))
    assert first(samples).reshape(-1).tolist() == list(range(12))

    samples.adapt(details("int8", scale=1 / 127.5, zero_point=0))
    assert first(samples).reshape(-1).tolist() == list(range(-128, -116))


def test_engine_without_an_input_gets_the_pixels(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.adapt({"cores": 1})
    assert first(samples).dtype == np.uint8
    assert samples.sample_note == "made up"


def test_images_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"has images \(1, 2, 2, 3\), but the model takes \(1, 4, 4, 3\)"):
        ImagenetSamples(folder).adapt(details("float32", side=4))


def test_unsupported_type_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="does not fit the model"):
        ImagenetSamples(folder).adapt(details("int16"))


def test_model_with_other_classes_needs_the_sample(folder: Path) -> None:
    ImagenetSamples(folder).adapt({**details("float32"), "classes": 10})
    facts = json.loads((folder / "images.json").read_text())
    (folder / "images.json").write_text(json.dumps({**facts, "name": "imagenet-2012-val", "sample_note": ""}))

    ImagenetSamples(folder).adapt({**details("float32"), "classes": 1000})
    with pytest.raises(DatasetError, match="has images of ImageNet's 1000 classes, but the model has 10; use a model"):
        ImagenetSamples(folder).adapt({**details("float32"), "classes": 10})


@pytest.fixture
def resnet_folder(folder: Path) -> Path:
    facts = json.loads((folder / "images.json").read_text())
    (folder / "images.json").write_text(json.dumps({**facts, "family": "resnet50"}))
    return folder


def test_resnet50_gets_planes_less_the_reference_means(resnet_folder: Path) -> None:
    samples = ImagenetSamples(resnet_folder)
    samples.adapt({"input": {"shape": [1, 3, 2, 2], "dtype": "float32", "scale": 0.0, "zero_point": 0}})

    made = first(samples)
    pixels = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    expected = (pixels - np.array([123.68, 116.78, 103.94], dtype=np.float32)).transpose(0, 3, 1, 2)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    assert np.array_equal(made, expected)
    loaded, made_now = samples.batch(np.array([0, 2]), None)[0], ImagenetSamples(resnet_folder)
    assert loaded.shape == (2, 3, 2, 2)
    made_now.adapt(details("float32"))
    assert np.array_equal(first(made_now), expected.transpose(0, 2, 3, 1))


def test_mobilenet_with_channels_first_gets_planes(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.adapt({"input": {"shape": [1, 3, 2, 2], "dtype": "uint8", "scale": 1.0, "zero_point": 0}})

    assert first(samples).reshape(3, 4).tolist() == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_quantised_input_of_a_resnet50_is_refused(resnet_folder: Path) -> None:
    with pytest.raises(DatasetError, match="inputs of type uint8 are not supported; ResNet-50's reference"):
        ImagenetSamples(resnet_folder).adapt(details("uint8", scale=1.0))
