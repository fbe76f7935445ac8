"""The ten figures of the sample's images, their random variation, and painting on a canvas.

A figure is a list of closed contours. A point is inside the figure if it is inside an odd number of contours. Contours
lie in a circle of radius `RADIUS` around the origin. All arithmetic uses whole numbers, so the same draws give the same
pixels on every machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    # (points, 2) int64: x and y.
    Contour = NDArray[np.int64]
    Item = TypeVar("Item")

RADIUS = 4096
# Angles are in 1/1024 of a turn; sines are scaled by 2 ** 14.
TURN = 1024
SINE_BITS = 14
WORD_BITS = 64
WORD_BYTES = 8
_ROUND_POINTS = 32
_TIP = 160

# Rounding removes the last bits, in which mathematics libraries differ: no entry is within 1e-4 of a half.
_SINES = np.array(
    [round(math.sin(2 * math.pi * angle / TURN) * (1 << SINE_BITS)) for angle in range(TURN)], dtype=np.int64
)
# Positions are in 1/16 pixel; a pixel's four points lie at 4 and 12 in each direction.
UNITS = 16
_PITCH = 8
_FIRST = 4
OPAQUE = 64
_ALPHA_BITS = 8


class Draws:
    """Random draws from PCG64's raw words, which NumPy keeps stable, unlike the results of its Generator."""

    def __init__(self, *key: int) -> None:
        self._words = np.random.PCG64(np.random.SeedSequence(key))

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._words.random_raw()) * limit >> WORD_BITS

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, inclusive."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return True with a probability of `percent`."""
        return self.below(100) < percent

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Return an array of random numbers from 0 to 255."""
        size = int(np.prod(shape))
        words = np.atleast_1d(self._words.random_raw(-(-size // WORD_BYTES)))
        octets: NDArray[np.uint8] = words.astype("<u8").view(np.uint8)[:size].reshape(shape)
        return octets


def sine(angle: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return sines, scaled by 2 ** 14, of angles in 1/1024 of a turn."""
    sines: NDArray[np.int64] = _SINES[np.asarray(angle, dtype=np.int64) % TURN]
    return sines


def cosine(angle: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return cosines, scaled by 2 ** 14, of angles in 1/1024 of a turn."""
    return sine(np.asarray(angle, dtype=np.int64) + TURN // 4)


def polar(radii: NDArray[np.int64] | int, angles: NDArray[np.int64]) -> Contour:
    """Return the points at distances `radii` and `angles` from the origin."""
    return np.stack([radii * cosine(angles) >> SINE_BITS, radii * sine(angles) >> SINE_BITS], axis=1)


def regular(corners: int, radius: NDArray[np.int64] | int = RADIUS) -> Contour:
    """Return a regular polygon, or a star for alternating radii."""
    return polar(radius, np.arange(corners, dtype=np.int64) * TURN // corners)


def _star(points: int, inner_percent: int) -> Contour:
    return regular(2 * points, np.tile([RADIUS, RADIUS * inner_percent // 100], points))


def _cross(half_width: int) -> Contour:
    arm, width = RADIUS * 97 // 100, half_width
    quarter = [(arm, -width), (arm, width), (width, width)]
    rotations = [[(x, y), (-y, x), (-x, -y), (y, -x)] for x, y in quarter]
    return np.array([points[turns] for turns in range(4) for points in rotations], dtype=np.int64)


def _crescent(depth_percent: int) -> Contour:
    outer = polar(RADIUS, np.linspace(_TIP, TURN - _TIP, _ROUND_POINTS).astype(np.int64))
    inside = np.linspace(-TURN // 4, TURN // 4, _ROUND_POINTS).astype(np.int64)[1:-1]
    tip_x, tip_y = map(int, outer[0])
    depth = RADIUS * depth_percent // 100
    hollow = np.stack([tip_x - (depth * cosine(inside) >> SINE_BITS), tip_y * sine(inside) >> SINE_BITS], axis=1)
    return np.concatenate([outer, hollow])


FIGURES: dict[str, Callable[[Draws], list[Contour]]] = {
    "disc": lambda _: [regular(_ROUND_POINTS)],
    "ring": lambda draws: [regular(_ROUND_POINTS), regular(_ROUND_POINTS, RADIUS * draws.between(35, 70) // 100)],
    "triangle": lambda _: [regular(3)],
    "square": lambda _: [regular(4)],
    "pentagon": lambda _: [regular(5)],
    "hexagon": lambda _: [regular(6)],
    "five-pointed star": lambda draws: [_star(5, draws.between(40, 58))],
    "six-pointed star": lambda draws: [_star(6, draws.between(50, 66))],
    "cross": lambda draws: [_cross(RADIUS * draws.between(18, 34) // 100)],
    "crescent": lambda draws: [_crescent(draws.between(65, 95))],
}
CLASSES = tuple(FIGURES)


def transformed(
    contour: Contour, *, centre: tuple[int, int], radius: int, turn: int, squash: tuple[int, int]
) -> Contour:
    """Turn and squash a contour, scale it from `RADIUS` to `radius`, and move it to `centre`.

    Angles are in 1/1024 of a turn; `squash` is a direction and the remaining size in percent.
    """
    direction, percent = squash
    rotated = _rotated(contour, turn)
    rotated[:, 0] = rotated[:, 0] * percent // 100
    return _rotated(rotated, direction) * radius // RADIUS + np.array(centre, dtype=np.int64)


def _rotated(contour: Contour, turn: int) -> Contour:
    x, y = contour[:, 0], contour[:, 1]
    c, s = cosine(turn), sine(turn)
    return np.stack([x * c - y * s >> SINE_BITS, x * s + y * c >> SINE_BITS], axis=1)


def coverage(contours: Sequence[Contour], height: int, width: int) -> NDArray[np.int32]:
    """Count the points of each pixel inside the figure, 0 to 4: (height, width) int32.

    Contours are closed, in 1/16 pixel. A point is inside the figure if it is inside an odd number of contours.
    """
    rows, columns = 2 * height, 2 * width
    # The number of edges that cross a row of points at each column; an edge counts for all points to its left.
    ends = np.zeros((rows, columns + 1), dtype=np.int32)
    for contour in contours:
        for edge in zip(contour.tolist(), np.roll(contour, -1, axis=0).tolist(), strict=True):
            (y0, x0), (y1, x1) = sorted((y, x) for x, y in edge)
            first, last = (min(max(-(-(y - _FIRST) // _PITCH), 0), rows) for y in (y0, y1))
            if first < last:
                down = np.arange(first, last, dtype=np.int64)
                crossing = x0 + -(-(x1 - x0) * (down * _PITCH + _FIRST - y0) // (y1 - y0))
                ends[down, np.clip(-(-(crossing - _FIRST) // _PITCH), 0, columns)] += 1
    crossings = ends.sum(axis=1, keepdims=True) - np.cumsum(ends[:, :columns], axis=1, dtype=np.int32)
    counts: NDArray[np.int32] = (crossings & 1).reshape(height, 2, width, 2).sum(axis=(1, 3), dtype=np.int32)
    return counts


def fill(
    pixels: NDArray[np.int32], contours: Sequence[Contour], colour: NDArray[np.int32], opacity: int = OPAQUE
) -> None:
    """Paint a figure into `pixels` in place.

    Args:
        pixels: the canvas, (height, width, 3), from 0 to 255.
        contours: the figure's contours, in 1/16 pixel.
        colour: (3,) or (height, width, 3).
        opacity: from 0 (transparent) to 64 (opaque).
    """
    # Only the figure's bounding box changes.
    touched = np.concatenate(contours) // UNITS
    left, top = np.maximum(touched.min(axis=0), 0).tolist()
    right, bottom = np.minimum(touched.max(axis=0) + 1, pixels.shape[1::-1]).tolist()
    if left >= right or top >= bottom:
        return
    moved = [contour - np.array([left, top], dtype=contour.dtype) * UNITS for contour in contours]
    part = pixels[top:bottom, left:right]
    shade = colour if colour.ndim == 1 else colour[top:bottom, left:right]
    alpha = coverage(moved, bottom - top, right - left)[..., None] * opacity
    part += (shade - part) * alpha >> _ALPHA_BITS


def blended(corners: NDArray[np.int32], height: int, width: int) -> NDArray[np.int32]:
    """Return a canvas, (height, width, 3) int32, whose colours are interpolated between its corners.

    The canvas has at least 2 by 2 pixels. `corners`, (2, 2, 3), are the colours above and below, left and right.
    """
    down = np.arange(height, dtype=np.int32)[:, None, None]
    along = np.arange(width, dtype=np.int32)[None, :, None]
    above = corners[0, 0] * (width - 1 - along) + corners[0, 1] * along
    below = corners[1, 0] * (width - 1 - along) + corners[1, 1] * along
    canvas: NDArray[np.int32] = (above * (height - 1 - down) + below * down) // ((height - 1) * (width - 1))
    return canvas
