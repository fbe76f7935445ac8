"""The recipe of the sample's MobileNets: sizes, images and steps. Train again after a change."""

from __future__ import annotations

from dataclasses import dataclass

from mlperf_home.samples.images.figures import CLASSES

PACKAGES = ("keras", "numpy", "pillow", "tensorflow-cpu")

# Width multipliers in percent, and the sides of the square inputs in pixels.
MULTIPLIERS = (25, 50)
RESOLUTIONS = (64, 96)
PRECISIONS = ("float", "int8")
CLASS_COUNT = len(CLASSES)

# The first layer's channels at multiplier 1, and the (channels, stride) of each block.
FIRST_CHANNELS = 32
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))

TRAINING_IMAGES = 16_000
EPOCHS = 14
BATCH = 64
PEAK_RATE = 4e-3
WARMUP_SHARE = 0.1
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.05
# The number of first training images from which the converter computes the ranges of activations.
REPRESENTATIVE_IMAGES = 300


@dataclass(frozen=True)
class Variant:
    """A network: its width multiplier in percent and its input's side in pixels."""

    multiplier_percent: int
    resolution: int

    def channels(self, at_one: int) -> int:
        """Return the width of a layer that has `at_one` channels at multiplier 1."""
        return max(8, at_one * self.multiplier_percent // 100)

    def file_name(self, precision: str) -> str:
        """Return the file's name: `mobilenet_0.25_64_int8.tflite`."""
        return f"mobilenet_{self.multiplier_percent / 100:.2f}_{self.resolution}_{precision}.tflite"


VARIANTS = tuple(Variant(multiplier, resolution) for multiplier in MULTIPLIERS for resolution in RESOLUTIONS)
MODEL_FILES = tuple(variant.file_name(precision) for variant in VARIANTS for precision in PRECISIONS)
