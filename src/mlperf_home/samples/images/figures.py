"""The ten figures of the sample's images, as contours of whole numbers, and the draws that vary them.

A figure is a list of closed contours; a point is inside where it is inside of an odd number of
them. Contours lie in a circle of radius `RADIUS` around the origin. Everything is whole numbers,
so that the same draws give the same figure on every machine.
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
# Angles are counted in 1/1024 of a turn; sines are scaled by 2 ** 14.
TURN = 1024
SINE_BITS = 14
WORD_BITS = 64
WORD_BYTES = 8
_ROUND_POINTS = 32
_TIP = 160

# Rounding hides the last bits, in which mathematics libraries differ: no entry is within 1e-4 of a half.
_SINES = np.array(
    [round(math.sin(2 * math.pi * angle / TURN) * (1 << SINE_BITS)) for angle in range(TURN)], dtype=np.int64
)


class Draws:
    """Draws from PCG64's raw words: NumPy promises these, but not what its Generator makes of them."""

    def __init__(self, *key: int) -> None:
        self._words = np.random.PCG64(np.random.SeedSequence(key))

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._words.random_raw()) * limit >> WORD_BITS

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Whether something happens that does in so many of a hundred cases."""
        return self.below(100) < percent

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Return an array of numbers from 0 to 255."""
        size = int(np.prod(shape))
        words = np.atleast_1d(self._words.random_raw(-(-size // WORD_BYTES)))
        octets: NDArray[np.uint8] = words.astype("<u8").view(np.uint8)[:size].reshape(shape)
        return octets


def sine(angle: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return sines, scaled by 2 ** 14, of angles in 1/1024 of a turn."""
    found: NDArray[np.int64] = _SINES[np.asarray(angle, dtype=np.int64) % TURN]
    return found


def cosine(angle: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return cosines, scaled by 2 ** 14, of angles in 1/1024 of a turn."""
    return sine(np.asarray(angle, dtype=np.int64) + TURN // 4)


def polar(radii: NDArray[np.int64] | int, angles: NDArray[np.int64]) -> Contour:
    """Return the points at the given distances and angles from the origin."""
    return np.stack([radii * cosine(angles) >> SINE_BITS, radii * sine(angles) >> SINE_BITS], axis=1)


def regular(corners: int, radius: int = RADIUS) -> Contour:
    """Return a regular polygon."""
    return polar(radius, np.arange(corners, dtype=np.int64) * TURN // corners)


def _star(points: int, inner_percent: int) -> Contour:
    angles = np.arange(2 * points, dtype=np.int64) * TURN // (2 * points)
    radii = np.where(np.arange(2 * points) % 2 == 0, RADIUS, RADIUS * inner_percent // 100)
    return polar(radii, angles)


def _cross(half_width: int) -> Contour:
    arm, width = RADIUS * 97 // 100, half_width
    quarter = [(arm, -width), (arm, width), (width, width)]
    turned = [[(x, y), (-y, x), (-x, -y), (y, -x)] for x, y in quarter]
    return np.array([each[turns] for turns in range(4) for each in turned], dtype=np.int64)


def _crescent(depth_percent: int) -> Contour:
    outer = polar(RADIUS, np.linspace(_TIP, TURN - _TIP, _ROUND_POINTS).astype(np.int64))
    inside = np.linspace(-TURN // 4, TURN // 4, _ROUND_POINTS).astype(np.int64)[1:-1]
    tip_x, tip_y = (int(each) for each in outer[0])
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


def placed(contour: Contour, *, centre: tuple[int, int], radius: int, turn: int, squash: tuple[int, int]) -> Contour:
    """Turn, squash, scale and move a contour.

    Args:
        contour: in a circle of radius `RADIUS`.
        centre: x and y, in the units of the result.
        radius: what `RADIUS` becomes.
        turn: by how much, in 1/1024 of a turn.
        squash: along which direction (1/1024 of a turn), and to how many hundredths.
    """
    direction, hundredths = squash
    turned = _turned(contour, turn)
    turned[:, 0] = turned[:, 0] * hundredths // 100
    return _turned(turned, direction) * radius // RADIUS + np.array(centre, dtype=np.int64)


def _turned(contour: Contour, turn: int) -> Contour:
    x, y = contour[:, 0], contour[:, 1]
    c, s = cosine(turn), sine(turn)
    return np.stack([x * c - y * s >> SINE_BITS, x * s + y * c >> SINE_BITS], axis=1)
