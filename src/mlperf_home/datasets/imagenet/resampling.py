"""Resizing as TensorFlow 1 did it when the models were evaluated: `resize_bilinear` and `resize_bicubic`.

Both take the output pixel x from the input's x * scale, not from pixel centres, and do not smooth when they make an
image smaller, unlike OpenCV and Pillow. Source: tensorflow/core/kernels/image/resize_bilinear_op.cc and
resize_bicubic_op.cc with align_corners and half_pixel_centers off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The cubic kernel's parameter, and how finely its weights are tabulated.
_A = -0.75
_STEPS = 1024


def bilinear(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize (height, width, 3) to (side, side, 3), whatever the aspect; values 0 to 255."""
    (top, bottom, down), (left, right, across) = (_between(length, side) for length in image.shape[:2])
    across = across[None, :, None]
    upper = _mixed(image[np.ix_(top, left)], image[np.ix_(top, right)], across)
    lower = _mixed(image[np.ix_(bottom, left)], image[np.ix_(bottom, right)], across)
    return upper + (lower - upper) * down[:, None, None]


def bicubic(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize (height, width, 3) to (side, side, 3), whatever the aspect; values may go a little beyond 0 to 255."""
    (rows, row_weights), (columns, column_weights) = (_neighbours(length, side) for length in image.shape[:2])
    tall = _weighed([image[:, part].astype(np.float32) for part in columns], column_weights[:, None, :, None])
    return _weighed([tall[part] for part in rows], row_weights[:, :, None, None])


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round to whole numbers and cut off what is beyond 0 to 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _positions(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Give the input pixel at or before each output pixel, and how far beyond it (0 to 1) the output pixel is."""
    places = np.arange(side, dtype=np.float32) * np.float32(length / side)
    first = np.floor(places)
    return first.astype(np.intp), places - first


def _between(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    first, beyond = _positions(length, side)
    return first, np.minimum(first + 1, length - 1), beyond


def _mixed(one: NDArray[np.uint8], other: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.float32]:
    start = one.astype(np.float32)
    return start + (other.astype(np.float32) - start) * share


def _neighbours(length: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Give the four input pixels around each output pixel, (4, side), and their weights, (4, side)."""
    first, beyond = _positions(length, side)
    pixels = np.clip(first + np.arange(-1, 3)[:, None], 0, length - 1)
    offset = np.rint(beyond * _STEPS) / np.float32(_STEPS)
    weights = np.stack([_far(offset + 1), _near(offset), _near(1 - offset), _far(2 - offset)])
    return pixels, weights


def _near(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(((_A + 2) * distance - (_A + 3)) * distance * distance + 1, dtype=np.float32)


def _far(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(((_A * distance - 5 * _A) * distance + 8 * _A) * distance - 4 * _A, dtype=np.float32)


def _weighed(parts: list[NDArray[np.float32]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    total = np.asarray(parts[0] * weights[0], dtype=np.float32)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * weight
    return total
