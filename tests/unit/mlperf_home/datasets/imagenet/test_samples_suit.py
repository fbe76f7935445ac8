"""Images are made for the model that is opened."""

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


def test_a_float_model_gets_floats_from_minus_one_to_one(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.suit(details("float32"))

    made = first(samples)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.reshape(-1), (np.arange(12) - 127.5) / 127.5, rtol=1e-6)


def test_a_quantised_mobilenet_gets_the_pixels_and_an_int8_one_shifts_them(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.suit(details("uint8", scale=1 / 127.5, zero_point=128))
    assert first(samples).reshape(-1).tolist() == list(range(12))

    samples.suit(details("int8", scale=1 / 127.5, zero_point=0))
    assert first(samples).reshape(-1).tolist() == list(range(-128, -116))


def test_an_engine_that_names_no_input_gets_the_pixels(folder: Path) -> None:
    samples = ImagenetSamples(folder)
    samples.suit({"cores": 1})
    assert first(samples).dtype == np.uint8
    assert samples.sample_note == "made up"


def test_images_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds images \(1, 2, 2, 3\), the model takes \(1, 4, 4, 3\)"):
        ImagenetSamples(folder).suit(details("float32", side=4))


def test_a_type_that_no_classifier_takes_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be given to the model"):
        ImagenetSamples(folder).suit(details("int16"))


def test_a_model_of_other_classes_than_imagenets_is_refused_but_not_for_the_sample(folder: Path) -> None:
    ImagenetSamples(folder).suit({**details("float32"), "classes": 10})
    facts = json.loads((folder / "images.json").read_text())
    (folder / "images.json").write_text(json.dumps({**facts, "name": "imagenet-2012-val", "sample_note": ""}))

    ImagenetSamples(folder).suit({**details("float32"), "classes": 1000})
    with pytest.raises(DatasetError, match="holds images of ImageNet's 1000 classes, the model tells 10; give a model"):
        ImagenetSamples(folder).suit({**details("float32"), "classes": 10})
