"""Draws of whole numbers that are the same with every NumPy and on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Item = TypeVar("Item")

WORD_BITS = 64
WORD_BYTES = 8


class Draws:
    """Draws from PCG64's raw words: NumPy promises these, but not what its Generator makes of them."""

    def __init__(self, *key: int) -> None:
        self._words = np.random.PCG64(np.random.SeedSequence(key))

    def below(self, limit: int) -> int:
        """Give a whole number from 0 to limit - 1."""
        return int(self._words.random_raw()) * limit >> WORD_BITS

    def between(self, low: int, high: int) -> int:
        """Give a whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Say yes in that many of a hundred cases."""
        return self.below(100) < percent

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Give the items in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Give an array of numbers from 0 to 255."""
        size = int(np.prod(shape))
        words = np.atleast_1d(self._words.random_raw(-(-size // WORD_BYTES)))
        octets: NDArray[np.uint8] = words.astype("<u8").view(np.uint8)[:size].reshape(shape)
        return octets
