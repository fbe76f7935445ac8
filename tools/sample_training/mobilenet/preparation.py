"""Prepare images as a network's input, as MLPerf prepares ImageNet for MobileNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.samples.images.image_files import make_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RECIPE = (
    "RGB; shorter side to int(resolution / 0.875), the other in proportion (cut to a whole number), Pillow bilinear; "
    "central square of the resolution; float inputs are value / 127.5 - 1, uint8 inputs the values themselves"
)
_CROP_PERCENT = 87.5
_HALF_RANGE = np.float32(127.5)


def crop(pixels: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """Resize an image and crop its central square.

    Args:
        pixels: (height, width, 3) RGB.
        resolution: the side of the square, in pixels.

    Returns:
        (resolution, resolution, 3).

    Source: mlcommons/inference v3.1, vision/classification_and_detection/python/dataset.py, which resizes with OpenCV.
    """
    from PIL import Image  # noqa: PLC0415 - other functions are tested without it

    height, width = pixels.shape[:2]
    short = int(100.0 * resolution / _CROP_PERCENT)
    size = (short, short * height // width) if height > width else (short * width // height, short)
    resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    top, left = (resized.shape[0] - resolution) // 2, (resized.shape[1] - resolution) // 2
    return resized[top : top + resolution, left : left + resolution]


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale values from 0 to 255 to the range -1 to 1."""
    return pixels.astype(np.float32) / _HALF_RANGE - np.float32(1)


def prepare(
    seed: int, indices: range, resolutions: Sequence[int]
) -> tuple[dict[int, NDArray[np.uint8]], NDArray[np.int64]]:
    """Make images and prepare them at several resolutions.

    Args:
        seed: the generator's seed.
        indices: the images' numbers.
        resolutions: the sides of the squares, in pixels.

    Returns:
        The pixels by resolution, (images, resolution, resolution, 3), and the labels, (images,).
    """
    pixels = {side: np.empty((len(indices), side, side, 3), dtype=np.uint8) for side in resolutions}
    labels = np.empty(len(indices), dtype=np.int64)
    for row, index in enumerate(indices):
        image = make_image(seed, index)
        labels[row] = image.label
        for resolution in resolutions:
            pixels[resolution][row] = crop(image.pixels, resolution)
    return pixels, labels
