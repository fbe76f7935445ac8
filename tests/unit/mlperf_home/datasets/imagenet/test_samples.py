"""The model's inputs: tables of values, and images loaded, batched and released."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from photographs import make_set

import mlperf_home
from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet import __main__ as command
from mlperf_home.datasets.imagenet.samples import (
    ImagenetSamples,
    Normalisation,
    Quantisation,
    normalisation,
    pixel_values,
)

RAW = pixel_values(normalisation("published", "mobilenet"), "uint8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = make_set(tmp_path / "val", 6)
    arguments = ["--images", str(images), "--labels", str(images), "--resolution", "32", "--out", str(tmp_path / "out")]
    assert command.main(arguments) == 0
    return tmp_path / "out"


class TestValues:
    def test_mobilenet_floats_range_from_minus_one_to_one(self) -> None:
        table = pixel_values(normalisation("published", "mobilenet"), "float32")

        assert table.dtype == np.float32
        assert (table[0], table[255]) == (-1.0, 1.0)
        np.testing.assert_allclose(table, np.arange(256) / 127.5 - 1, atol=1e-6)

    def test_only_published_recipe_uses_efficientnets_mean(self) -> None:
        own = pixel_values(normalisation("published", "efficientnet"), "float32")
        then = pixel_values(normalisation("mlperf-v3.1", "efficientnet"), "float32")

        assert (own[127], own[255]) == (0.0, 1.0)
        assert (then[0], then[255]) == (-1.0, 1.0)

    def test_mobilenet_integers_are_the_pixels(self) -> None:
        assert RAW.tolist() == list(range(256))
        assert pixel_values(normalisation("mlperf-v3.1", "efficientnet"), "int8")[[0, 128, 255]].tolist() == [
            -128, 0, 127,
        ]  # fmt: skip

    def test_efficientnet_integers_use_the_files_quantisation(self) -> None:
        scaling = Quantisation(0.012566016986966133, 131)
        table = pixel_values(normalisation("published", "efficientnet"), "uint8", scaling)

        expected = [round((pixel - 127) / 128 / scaling.scale) + scaling.zero_point for pixel in range(256)]
        assert table.tolist() == expected
        assert (table[0], table[127], table[255]) == (52, 131, 211)

    def test_halves_round_away_from_zero_and_values_are_clipped(self) -> None:
        table = pixel_values(Normalisation(127.0, 1.0, raw=False), "int8", Quantisation(2.0, 100))

        assert [int(table[pixel]) - 100 for pixel in (126, 127, 128, 130, 124)] == [-1, 0, 1, 2, -2]
        assert table.max() == 127

    @pytest.mark.parametrize(
        ("dtype", "scaling", "problem"),
        [
            ("float16", None, "float16"),
            ("uint8", None, "need the scale"),
            ("int8", Quantisation(0.0, 0), "need the scale"),
        ],
    )
    def test_unsupported_inputs_are_refused(self, dtype: str, scaling: Quantisation | None, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            pixel_values(normalisation("published", "efficientnet"), dtype, scaling)

    def test_unknown_family_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'resnet'"):
            normalisation("published", "resnet")


def test_engines_need_no_opencv() -> None:
    source = str(Path(mlperf_home.__file__).parents[1])
    modules = ("datasets.imagenet.samples", "datasets.imagenet.images", "accuracy.imagenet")
    code = f"import sys; sys.path.insert(0, {source!r}); sys.modules['cv2'] = None\n"
    code += "".join(f"import mlperf_home.{name}\n" for name in modules)

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestSamples:
    def test_samples_describe_themselves(self, folder: Path) -> None:
        samples = ImagenetSamples(folder, RAW)
        facts = json.loads((folder / "images.json").read_text())

        assert (samples.name, samples.count, samples.performance_count) == ("imagenet-2012-val", 6, 6)
        assert (samples.lengths, samples.sample_note, samples.side) == (None, "", 32)
        assert samples.notes == ("6 of ImageNet's 50000 images: no official result",)
        assert samples.identity["pixels_sha256"] == facts["pixels_sha256"]

    @pytest.mark.parametrize("loaded", [[], [0, 4], [0, 1, 2, 3, 4, 5]])
    def test_batch_holds_the_values_of_its_images(self, folder: Path, loaded: list[int]) -> None:
        values = pixel_values(normalisation("published", "mobilenet"), "float32")
        samples = ImagenetSamples(folder, values)
        stored = np.load(folder / "images.npy")
        samples.load(loaded)

        (batch,) = samples.batch(np.array([4, 0, 4]), None)

        assert batch.shape == (3, 32, 32, 3)
        assert batch.flags.c_contiguous
        assert np.array_equal(batch, values[stored[[4, 0, 4]]])

    def test_single_loaded_image_is_not_copied(self, folder: Path) -> None:
        samples = ImagenetSamples(folder, RAW)
        samples.load([2, 3])

        (one,), (again,) = samples.batch(np.array([2]), None), samples.batch(np.array([2]), None)
        assert one is again
        samples.unload([2, 3])

        assert samples.batch(np.array([2]), None)[0] is not one

    @pytest.mark.parametrize("damage", ["cut off", "absent", "another shape", "no description", "description"])
    def test_broken_folder_is_an_error(self, folder: Path, damage: str) -> None:
        path = folder / "images.npy"
        if damage == "cut off":
            path.write_bytes(path.read_bytes()[:-100])
        elif damage == "absent":
            path.unlink()
        elif damage == "another shape":
            np.save(path, np.zeros((6, 31, 31, 3), np.uint8))
        elif damage == "no description":
            (folder / "images.json").unlink()
        else:
            (folder / "images.json").write_text('{"format": 1}')

        with pytest.raises(DatasetError, match="make the images again"):
            ImagenetSamples(folder, RAW)
