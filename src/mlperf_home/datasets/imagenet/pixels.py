"""Make a recipe's pixels from a JPEG's bytes with OpenCV's decoder.

The decoder converts greyscale and CMYK photographs to RGB. TensorFlow's decoder uses less precise cosines, so single
values may differ from the publishers' by a few steps of 255.

Resizing is that of TensorFlow 1, with which the models were evaluated: `resize_bilinear` and `resize_bicubic`. Unlike
OpenCV and Pillow, both take output pixel x from input position x * scale, not from pixel centres, and do not smooth
when they shrink an image. Source: tensorflow/core/kernels/image/resize_bilinear_op.cc and resize_bicubic_op.cc with
align_corners and half_pixel_centers off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.recipes import EFFICIENTNET, PUBLISHED, RESNET50
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.imagenet.recipes import Recipe

VERSION = cv2.__version__
_KEPT = 0.875
# The cubic kernel's parameter, and the number of steps in the table of its weights.
_A = -0.75
_STEPS = 1024


def make_pixels(recipe: Recipe, content: bytes, where: object) -> NDArray[np.uint8]:
    """Make (side, side, 3) RGB pixels of a JPEG's bytes; raise `DatasetError` at `where` for an incomplete JPEG."""
    image = _decode(content, where, upright=recipe.name != PUBLISHED)
    (height, width), side = image.shape[:2], recipe.side
    if recipe.name != PUBLISHED:
        # `pre_process_mobilenet` and `pre_process_vgg` of the reference's dataset.py, without the conversion to floats.
        short = int(100.0 * side / 87.5)
        high, wide = (int(short * height / width), short) if height > width else (short, int(short * width / height))
        how = cv2.INTER_AREA if recipe.family == RESNET50 else cv2.INTER_LINEAR
        resized = np.asarray(cv2.resize(image, (wide, high), interpolation=how), dtype=np.uint8)
        top, left = int((high - side) / 2), int((wide - side) / 2)
        return resized[top : top + side, left : left + side]
    if recipe.family == EFFICIENTNET:
        # `_decode_and_center_crop` of tensorflow/tpu's EfficientNet.
        padding = round(side * (1 / _KEPT - 1))
        length = max(1, int(np.float32(side / (side + padding)) * np.float32(min(height, width))))
        top, left = (height - length + 1) // 2, (width - length + 1) // 2
        return to_bytes(bicubic(image[top : top + length, left : left + length], side))
    # `tf.image.central_crop(image, 0.875)`: the same fraction of both sides.
    top, left = (int((length - length * _KEPT) / 2) for length in (height, width))
    return to_bytes(bilinear(image[top : height - top, left : width - left], side))


def _decode(content: bytes, where: object, *, upright: bool) -> NDArray[np.uint8]:
    # MLPerf's reference applies the EXIF orientation; TensorFlow does not.
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION

    def damaged(_reason: str = "") -> DatasetError:
        return DatasetError(where, f"is not a complete JPEG ({len(content)} bytes)", "fetch this image again")

    with parsing(damaged):
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise damaged()
    return np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8)


def bilinear(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize (height, width, 3) to (side, side, 3), regardless of the aspect ratio; values are 0 to 255."""
    height, width = image.shape[:2]
    (top, down), (left, across) = _positions(height, side), _positions(width, side)
    right = np.minimum(left + 1, width - 1)

    def row(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        start = image[np.ix_(rows, left)].astype(np.float32)
        mixed: NDArray[np.float32] = start + (image[np.ix_(rows, right)].astype(np.float32) - start) * across[:, None]
        return mixed

    upper, lower = row(top), row(np.minimum(top + 1, height - 1))
    return upper + (lower - upper) * down[:, None, None]


def bicubic(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize (height, width, 3) to (side, side, 3), regardless of the aspect ratio; values may exceed 0 to 255."""
    (rows, row_weights), (columns, column_weights) = (_neighbours(length, side) for length in image.shape[:2])
    tall = _weighed([image[:, part].astype(np.float32) for part in columns], column_weights[:, None, :, None])
    return _weighed([tall[part] for part in rows], row_weights[:, :, None, None])


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round to whole numbers and clip to 0 to 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _positions(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the input pixel at or before each output pixel, and the output pixel's distance from it (0 to 1)."""
    places = np.arange(side, dtype=np.float32) * np.float32(length / side)
    first = np.floor(places)
    return first.astype(np.intp), places - first


def _neighbours(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the four input pixels around each output pixel, (4, side), and their weights, (4, side)."""
    first, beyond = _positions(length, side)
    pixels = np.clip(first + np.arange(-1, 3)[:, None], 0, length - 1)
    offset = np.rint(beyond * _STEPS) / np.float32(_STEPS)
    near = [((_A + 2) * d - (_A + 3)) * d * d + 1 for d in (offset, 1 - offset)]
    far = [((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A for d in (offset + 1, 2 - offset)]
    return pixels, np.stack([far[0], *near, far[1]]).astype(np.float32)


def _weighed(parts: list[NDArray[np.float32]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    total = np.asarray(parts[0] * weights[0], dtype=np.float32)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * weight
    return total
