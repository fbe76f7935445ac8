"""A canvas on which contours are filled: whole numbers only, four points a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.samples.images.figures import Contour

# Places are counted in 1/16 pixel; a pixel's points lie at 4 and 12 in each direction.
UNITS = 16
_PITCH = 8
_FIRST = 4
OPAQUE = 64
_ALPHA_BITS = 8


def coverage(contours: Sequence[Contour], height: int, width: int) -> NDArray[np.int32]:
    """Count how many of each pixel's four points lie inside.

    Args:
        contours: closed, in 1/16 pixel; a point is inside of the figure if it is inside of an odd number.
        height: of the canvas, in pixels.
        width: of the canvas, in pixels.

    Returns:
        (height, width) int32, from 0 to 4.
    """
    rows, columns = 2 * height, 2 * width
    # How many edges end the inside at a column: an edge counts for all points to its left.
    ends = np.zeros((rows, columns + 1), dtype=np.int32)
    for contour in contours:
        for (x0, y0), (x1, y1) in zip(contour.tolist(), np.roll(contour, -1, axis=0).tolist(), strict=True):
            _count_edge(ends, min((y0, x0), (y1, x1)), max((y0, x0), (y1, x1)))
    crossings = ends.sum(axis=1, keepdims=True) - np.cumsum(ends[:, :columns], axis=1, dtype=np.int32)
    inside = crossings & 1
    upper, lower = inside[::2], inside[1::2]
    counted: NDArray[np.int32] = upper[:, ::2] + upper[:, 1::2] + lower[:, ::2] + lower[:, 1::2]
    return counted


def _count_edge(ends: NDArray[np.int32], upper: tuple[int, int], lower: tuple[int, int]) -> None:
    """Note where an edge, from its upper to its lower (y, x), crosses the rows of points."""
    (y0, x0), (y1, x1) = upper, lower
    first, last = _points_before(y0, ends.shape[0]), _points_before(y1, ends.shape[0])
    if first >= last:
        return
    rows = np.arange(first, last, dtype=np.int64)
    crossing = x0 + -(-(x1 - x0) * (rows * _PITCH + _FIRST - y0) // (y1 - y0))
    columns = np.clip(-(-(crossing - _FIRST) // _PITCH), 0, ends.shape[1] - 1)
    ends[rows, columns] += 1


def _points_before(place: int, count: int) -> int:
    """Count the points, of `count` in a row, that lie before a place."""
    return min(max(-(-(place - _FIRST) // _PITCH), 0), count)


def fill(
    pixels: NDArray[np.int32], contours: Sequence[Contour], colour: NDArray[np.int32], opacity: int = OPAQUE
) -> None:
    """Paint a figure.

    Args:
        pixels: (height, width, 3), from 0 to 255; changed in place.
        contours: in 1/16 pixel.
        colour: (3,), or (height, width, 3).
        opacity: 0 for none, 64 for all.
    """
    # Around the figure nothing changes, so only the part of the canvas that holds it is looked at.
    (left, right), (top, bottom) = (
        _extent([contour[:, axis] for contour in contours], pixels.shape[1 - axis]) for axis in (0, 1)
    )
    if left >= right or top >= bottom:
        return
    moved = [contour - np.array([left, top], dtype=contour.dtype) * UNITS for contour in contours]
    part = pixels[top:bottom, left:right]
    shade = colour if colour.ndim == 1 else colour[top:bottom, left:right]
    alpha = coverage(moved, bottom - top, right - left)[..., None] * opacity
    part += (shade - part) * alpha >> _ALPHA_BITS


def _extent(places: Sequence[NDArray[np.int64]], size: int) -> tuple[int, int]:
    """Return the first pixel that places in 1/16 pixel touch, and the one after the last, within 0 to `size`."""
    low, high = min(int(each.min()) for each in places), max(int(each.max()) for each in places)
    return max(0, low // UNITS), min(size, high // UNITS + 1)


def blended(corners: NDArray[np.int32], height: int, width: int) -> NDArray[np.int32]:
    """Return a canvas that runs from corner to corner.

    Args:
        corners: (2, 2, 3): the colours above and below, left and right.
        height: in pixels, at least 2.
        width: in pixels, at least 2.

    Returns:
        (height, width, 3) int32, from 0 to 255.
    """
    down = np.arange(height, dtype=np.int32)[:, None, None]
    along = np.arange(width, dtype=np.int32)[None, :, None]
    above = corners[0, 0] * (width - 1 - along) + corners[0, 1] * along
    below = corners[1, 0] * (width - 1 - along) + corners[1, 1] * along
    canvas: NDArray[np.int32] = (above * (height - 1 - down) + below * down) // ((height - 1) * (width - 1))
    return canvas
