"""Pixels equal those of slow implementations, also for unusual photographs."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv2")

import cv2
from photographs import cmyk_jpeg, jpeg, scene

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet import pixels
from mlperf_home.datasets.imagenet.pixels import make_pixels
from mlperf_home.datasets.imagenet.recipes import FAMILIES, RECIPES, find_recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHOTOGRAPHS = Path(__file__).resolve().parents[5] / "../shared/data/images"
needs_photographs = pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="the real photographs are not on this machine")
RECIPES_AND_FAMILIES = [(name, family) for name in RECIPES for family in FAMILIES]


def plain_bilinear(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    made = np.zeros((side, side, 3))
    height, width = image.shape[:2]
    for row in range(side):
        for column in range(side):
            y, x = row * height / side, column * width / side
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = image[top, left] * (1 - x + left) + image[top, right] * (x - left)
            lower = image[bottom, left] * (1 - x + left) + image[bottom, right] * (x - left)
            made[row, column] = upper * (1 - y + top) + lower * (y - top)
    return made


def kernel(distance: float) -> float:
    a, d = -0.75, abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def plain_bicubic(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    made = np.zeros((side, side, 3))
    height, width = image.shape[:2]
    for row in range(side):
        for column in range(side):
            y, x = row * height / side, column * width / side
            for down in range(-1, 3):
                for across in range(-1, 3):
                    pixel = image[
                        min(max(math.floor(y) + down, 0), height - 1), min(max(math.floor(x) + across, 0), width - 1)
                    ]
                    made[row, column] += pixel * (kernel(y % 1 - down) * kernel(x % 1 - across))
    return made


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 24), st.integers(0, 99))
def test_resampling_equals_tensorflows(width: int, height: int, side: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

    np.testing.assert_allclose(pixels.bilinear(image, side), plain_bilinear(image, side), atol=2e-3)
    # The table of weights has steps of 1/1024.
    np.testing.assert_allclose(pixels.bicubic(image, side), plain_bicubic(image, side), atol=1.0)


def test_enlarging_repeats_the_last_pixel() -> None:
    image = np.array([[[1] * 3, [2] * 3], [[3] * 3, [4] * 3]], dtype=np.uint8)

    assert pixels.bilinear(image, 4)[:2, :, 0].tolist() == [[1, 1.5, 2, 2], [2, 2.5, 3, 3]]
    assert pixels.bicubic(image, 2)[:, :, 0].tolist() == [[1, 2], [3, 4]]
    assert pixels.to_bytes(np.array([-3.0, 0.5, 1.5, 254.6, 300.0], np.float32)).tolist() == [0, 0, 2, 255, 255]


@pytest.mark.parametrize(("width", "height"), [(500, 375), (333, 500), (224, 224), (96, 640)])
@pytest.mark.parametrize("side", [96, 224])
@pytest.mark.parametrize(("family", "how"), [("mobilenet", cv2.INTER_LINEAR), ("resnet50", cv2.INTER_AREA)])
def test_mlperf_recipe_equals_the_reference(width: int, height: int, side: int, family: str, how: int) -> None:
    content = jpeg(scene(width, height))
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    short = int(100.0 * side / 87.5)
    wide, high = (short, int(short * height / width)) if height > width else (int(short * width / height), short)
    image = cv2.resize(image, (wide, high), interpolation=how)
    rows = slice(int((high - side) / 2), int((high + side) / 2))
    expected = image[rows, int((wide - side) / 2) : int((wide + side) / 2)]

    made = make_pixels(find_recipe("mlperf-v3.1", family, side), content, "x")

    assert made.shape == (side, side, 3)
    assert np.array_equal(made, expected)


def test_resnet50_has_one_recipe_under_both_names() -> None:
    assert find_recipe("published", "resnet50", 224) == find_recipe("mlperf-v3.1", "resnet50", 224)


@pytest.mark.parametrize(("family", "left"), [("mobilenet", 40), ("efficientnet", 180)])
def test_published_recipes_crop_differently(family: str, left: int) -> None:
    # Red up to the column where a family's crop begins, then green: the crop must have no red.
    picture = np.zeros((320, 640, 3), np.uint8)
    picture[:, : left - 8, 0] = picture[:, left - 8 :, 1] = 250

    made = make_pixels(find_recipe("published", family, 224), jpeg(picture), "x")
    moved = make_pixels(find_recipe("published", family, 224), jpeg(np.roll(picture, 24, axis=1)), "x")

    assert made[:, :, 0].max() < 40
    assert moved[:, 0, 0].min() > 200


@pytest.mark.parametrize(("name", "family"), RECIPES_AND_FAMILIES)
class TestEachRecipe:
    def test_greyscale_becomes_three_equal_channels(self, name: str, family: str) -> None:
        made = make_pixels(find_recipe(name, family, 64), jpeg(scene()[:, :, 0]), "x")

        assert made.shape == (64, 64, 3)
        assert (made == made[:, :, :1]).all()
        assert made.std() > 5

    def test_cmyk_becomes_rgb(self, name: str, family: str) -> None:
        made = make_pixels(find_recipe(name, family, 32), cmyk_jpeg(), "x")

        assert np.abs(made.astype(int) - (200, 40, 30)).max() <= 3

    def test_channels_are_red_green_blue(self, name: str, family: str) -> None:
        picture = np.full((60, 60, 3), (220, 120, 20), np.uint8)

        assert (
            np.abs(make_pixels(find_recipe(name, family, 32), jpeg(picture), "x").astype(int) - picture[0, 0]).max() < 4
        )

    @pytest.mark.parametrize("size", [(1, 1), (3, 900), (8, 8)])
    def test_tiny_and_narrow_pictures_fill_the_square(self, name: str, family: str, size: tuple[int, int]) -> None:
        picture = np.full((*size, 3), 90, np.uint8)

        made = make_pixels(find_recipe(name, family, 96), jpeg(picture), "x")

        assert made.shape == (96, 96, 3)
        assert np.abs(made.astype(int) - 90).max() < 4

    @pytest.mark.parametrize("damage", ["empty", "text", "half", "nearly complete", "png's beginning"])
    def test_incomplete_jpeg_is_an_error(self, name: str, family: str, damage: str) -> None:
        complete = jpeg(scene(300, 200))
        content: Any = {
            "empty": b"",
            "text": b"<html>not found</html>",
            "half": complete[: len(complete) // 2],
            "nearly complete": complete[:-200],
            "png's beginning": b"\x89PNG\r\n\x1a\n",
        }[damage]

        with pytest.raises(DatasetError) as caught:
            make_pixels(find_recipe(name, family, 64), content, "val/ILSVRC2012_val_00000009.JPEG")

        expected = (
            f"val/ILSVRC2012_val_00000009.JPEG: is not a complete JPEG ({len(content)} bytes); fetch this image again"
        )
        assert str(caught.value) == expected


def test_only_mlperf_recipe_applies_exif_orientation() -> None:
    plain = jpeg(scene(90, 90))
    entry = struct.pack(">HHI", 0x0112, 3, 1) + struct.pack(">HH", 3, 0)  # orientation: upside down
    tiff = b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    exif = b"Exif\x00\x00" + tiff
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    mlperf, published = find_recipe("mlperf-v3.1", "mobilenet", 64), find_recipe("published", "mobilenet", 64)

    assert np.array_equal(make_pixels(published, turned, "x"), make_pixels(published, plain, "x"))
    assert not np.array_equal(make_pixels(mlperf, turned, "x"), make_pixels(mlperf, plain, "x"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("pillow", "mobilenet", 224), "recipe 'pillow': is unknown"),
        (("published", "resnet", 224), "model family 'resnet': is unknown"),
        (("published", "mobilenet", 0), "resolution 0: is out of range"),
    ],
)
def test_unknown_recipe_is_an_error(arguments: tuple[str, str, int], problem: str) -> None:
    with pytest.raises(DatasetError) as caught:
        find_recipe(*arguments)

    assert problem in str(caught.value)


@needs_photographs
def test_recipes_differ_slightly_on_real_photographs() -> None:
    distances = []
    for path in sorted(PHOTOGRAPHS.glob("*.JPEG"))[:40]:
        one, other = (
            make_pixels(find_recipe(name, "efficientnet", 224), path.read_bytes(), path).astype(float)
            for name in ("published", "mlperf-v3.1")
        )
        distances.append(np.abs(one - other).mean())

    assert 1 < np.mean(distances) < 20
