"""From a JPEG's bytes to a recipe's pixels, with OpenCV's decoder.

The decoder gives greyscale and CMYK photographs in colour. TensorFlow's decoder computes with less precise cosines, so
single values may differ by a few steps of 255 from those of the publishers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet import resampling
from mlperf_home.datasets.imagenet.recipes import EFFICIENTNET, PUBLISHED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.imagenet.recipes import Recipe

VERSION = cv2.__version__
_KEPT = 0.875


def make_pixels(recipe: Recipe, content: bytes, where: object) -> NDArray[np.uint8]:
    """Make (side, side, 3) RGB pixels of a JPEG.

    Args:
        recipe: how.
        content: the file's bytes.
        where: what to call the file in an error.

    Raises:
        DatasetError: it is no whole JPEG.
    """
    if recipe.name != PUBLISHED:
        return _mlperf(_decoded(content, where, upright=True), recipe.side)
    image = _decoded(content, where, upright=False)
    if recipe.family == EFFICIENTNET:
        return resampling.to_bytes(resampling.bicubic(_square(image, recipe.side), recipe.side))
    return resampling.to_bytes(resampling.bilinear(_central(image), recipe.side))


def _decoded(content: bytes, where: object, *, upright: bool) -> NDArray[np.uint8]:
    # MLPerf's reference turns a photograph as its EXIF says; TensorFlow does not.
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    except cv2.error:
        image = None
    if image is None:
        raise DatasetError(where, f"is no whole JPEG ({len(content)} bytes)", "fetch this image again")
    return np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8)


def _mlperf(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`pre_process_mobilenet` of v3.1's dataset.py, up to where it makes floats."""
    height, width = image.shape[:2]
    short = int(100.0 * side / 87.5)
    high, wide = (int(short * height / width), short) if height > width else (short, int(short * width / height))
    resized = np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    top, left = int((high - side) / 2), int((wide - side) / 2)
    return resized[top : top + side, left : left + side]


def _central(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`tf.image.central_crop(image, 0.875)`: the same part of both sides."""
    height, width = image.shape[:2]
    top, left = (int((length - length * _KEPT) / 2) for length in (height, width))
    return image[top : height - top, left : width - left]


def _square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`_decode_and_center_crop` of tensorflow/tpu's EfficientNet."""
    height, width = image.shape[:2]
    padding = round(side * (1 / _KEPT - 1))
    length = max(1, int(np.float32(side / (side + padding)) * np.float32(min(height, width))))
    top, left = (height - length + 1) // 2, (width - length + 1) // 2
    return image[top : top + length, left : left + length]
