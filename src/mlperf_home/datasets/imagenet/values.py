"""From stored pixels to what a model's input takes: floats, or quantised integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.imagenet.recipes import EFFICIENTNET, FAMILIES, PUBLISHED

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEVELS = 256


@dataclass(frozen=True)
class Normalisation:
    """How a model family reads pixels: value = (pixel - mean) / std.

    Attributes:
        mean: in steps of 255.
        std: in steps of 255.
        raw: a quantised input takes the pixels themselves; its scale and zero point are meant to be 1/std and mean.
    """

    mean: float
    std: float
    raw: bool


@dataclass(frozen=True)
class Quantisation:
    """How an integer input stores values: stored = round(value / scale) + zero_point."""

    scale: float
    zero_point: int


# MobileNet v1 to v3 (slim): pixels to [-1, 1], which its quantised models' scale and zero point undo again.
MOBILENET_VALUES = Normalisation(127.5, 127.5, raw=True)
# EfficientNet-lite (efficientnet_lite_builder.py: MEAN_RGB 127, STDDEV_RGB 128), quantised after training.
EFFICIENTNET_VALUES = Normalisation(127.0, 128.0, raw=False)


class PixelValues:
    """Turns pixels into a model's input by a table of 256 values.

    Attributes:
        table: (256,), what each value of a pixel becomes.
    """

    def __init__(self, table: NDArray[Any]) -> None:
        self.table = table

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Give an array of the same shape and the table's type."""
        return np.take(self.table, pixels)


def normalisation(recipe: str, family: str) -> Normalisation:
    """Give what a recipe does for a family; MLPerf's v3.1 scripts treat all families as MobileNets.

    Raises:
        ValueError: the family is not known.
    """
    if family not in FAMILIES:
        raise ValueError(f"model family {family!r}: must be one of {', '.join(FAMILIES)}")
    return EFFICIENTNET_VALUES if recipe == PUBLISHED and family == EFFICIENTNET else MOBILENET_VALUES


def pixel_values(how: Normalisation, dtype: str, quantisation: Quantisation | None = None) -> PixelValues:
    """Make the table for an input of type `dtype`: float32, uint8 or int8.

    Args:
        how: the family's mean and deviation.
        dtype: the input's type.
        quantisation: the input's own, as the model's file says; needed for integers, unless they are raw pixels.

    Raises:
        ValueError: another type, a scale that is not positive, or an integer input whose quantisation is not given.
    """
    pixels = np.arange(_LEVELS)
    values = (pixels - how.mean) / how.std
    if dtype == "float32":
        return PixelValues(values.astype(np.float32))
    if dtype not in {"uint8", "int8"}:
        raise ValueError(f"inputs of type {dtype}: an image classifier takes float32, uint8 or int8")
    if how.raw:
        return PixelValues((pixels - (0 if dtype == "uint8" else _LEVELS // 2)).astype(dtype))
    if quantisation is None or not quantisation.scale > 0:
        raise ValueError(f"inputs of type {dtype} need the scale and the zero point of the model's file")
    scaled = values / quantisation.scale
    # TensorFlow Lite rounds halves away from zero.
    stored = np.trunc(scaled + np.copysign(0.5, scaled)) + quantisation.zero_point
    limits = np.iinfo(dtype)
    return PixelValues(np.clip(stored, limits.min, limits.max).astype(dtype))
