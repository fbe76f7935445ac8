"""Symmetric int8 weights and uint8 activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHT_LEVELS = 127
ACTIVATION_LEVELS = 255


@dataclass(frozen=True)
class QuantisedLinear:
    """An int8 linear layer and the uint8 scale of what it reads.

    Attributes:
        weight: (inputs, outputs) int8; real weight = weight * weight_scale.
        weight_scale: the weight's one scale.
        input_scale: real input = (level - input_zero_point) * input_scale.
        input_zero_point: the level of zero, 0 to 255.
    """

    weight: NDArray[np.int8]
    weight_scale: float
    input_scale: float
    input_zero_point: int


def quantise_linear(weight: NDArray[np.float32], low: float, high: float) -> QuantisedLinear:
    """Quantise one layer: `weight` per tensor, its input for the range from `low` to `high`.

    The range is widened to hold zero, so that zero (and a pruned weight) stays exact.
    """
    weight_scale = weight_step(weight)
    input_scale, zero_point = input_step(low, high)
    levels = np.clip(np.rint(weight / weight_scale), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return QuantisedLinear(levels.astype(np.int8), weight_scale, input_scale, zero_point)


def weight_step(weight: NDArray[np.float32]) -> float:
    """Give the scale that maps the largest weight to 127."""
    return max(float(np.abs(weight).max()), 1e-8) / WEIGHT_LEVELS


def input_step(low: float, high: float) -> tuple[float, int]:
    """Give scale and zero point of an activation that lies between `low` and `high`."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-8) / ACTIVATION_LEVELS
    return scale, round(-low / scale)
