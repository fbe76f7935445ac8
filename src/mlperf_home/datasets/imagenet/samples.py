"""The folder of preprocessed images, and LoadGen's samples of it in the model's input type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import CLASSES, OFFICIAL_COUNT, SAMPLE_PREFIX, list_sha256
from mlperf_home.datasets.imagenet.recipes import EFFICIENTNET, FAMILIES, MOBILENET, PUBLISHED, RESNET50
from mlperf_home.datasets.provenance import PreprocessedSamples, ProvenanceFile, SampleFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.datasets.imagenet.images import ImageFile, Labels
    from mlperf_home.datasets.imagenet.recipes import Recipe

PROVENANCE_FILE = "images.json"
PIXELS_FILE = "images.npy"
LABELS_FILE = "val_map.txt"
FORMAT = 1
NAME = "imagenet-2012-val"
SAMPLE_NAME = "sample-images"
SAMPLE_NOTE = "made-up images of ten figures, from a generator"
# performance_sample_count of resnet50 in v3.1.
PERFORMANCE_COUNT = 1024

_ADVICE = "make the images again: python -m mlperf_home.datasets.imagenet"
_LEVELS = 256


class ImageFacts(SampleFacts):
    """The description of a folder of preprocessed images."""

    images: int
    resolution: int
    recipe: str
    family: str
    steps: Any
    list_sha256: str
    labels_sha256: str
    pixels_sha256: str


PROVENANCE = ProvenanceFile(PROVENANCE_FILE, "images", FORMAT, ImageFacts, _ADVICE)


def expected_facts(
    recipe: Recipe, images: Sequence[ImageFile], labels: Labels, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Return the expected description of a folder as JSON values; equal descriptions mean equal pixels."""
    count = len(images)
    note = f"{count} of ImageNet's {OFFICIAL_COUNT} images: no official result"
    sample = any(image.name.startswith(SAMPLE_PREFIX) for image in images)
    return {
        "format": FORMAT,
        "name": SAMPLE_NAME if sample else NAME,
        "sample_note": SAMPLE_NOTE if sample else "",
        "recipe": recipe.name,
        "family": recipe.family,
        "steps": recipe.steps,
        "resolution": recipe.side,
        "images": count,
        "performance_count": min(count, PERFORMANCE_COUNT),
        "notes": [] if sample or count == OFFICIAL_COUNT else [note],
        "list_sha256": list_sha256(images),
        "labels_sha256": labels.sha256,
        "versions": dict(versions),
    }


def read_pixels(folder: Path, facts: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Map the pixels into memory, read-only: (images, side, side, 3) uint8, RGB.

    Raises:
        DatasetError: the array is absent, cut off, or does not match the description.
    """
    path, shape = folder / PIXELS_FILE, pixels_shape(facts)
    pixels = PROVENANCE.map_array(path)
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise DatasetError(path, f"is {pixels.dtype} {pixels.shape}, not uint8 {shape}", _ADVICE)
    return pixels


def pixels_shape(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of the described array."""
    side = int(facts["resolution"])
    return int(facts["images"]), side, side, 3


def read_finished(folder: Path, expected: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the description of a finished folder with the expected facts; None if there is none."""
    try:
        facts = PROVENANCE.read(folder)
        read_pixels(folder, facts)
    except (DatasetError, KeyError, TypeError):
        return None
    return facts if all(facts.get(key) == value for key, value in expected.items()) else None


@dataclass(frozen=True)
class Normalisation:
    """The normalisation of a model family: value = (pixel - mean) / std, both in steps of 255.

    If `raw`, a quantised input takes the pixels themselves; its scale and zero point then stand for 1/std and mean.
    """

    mean: float
    std: float
    raw: bool


@dataclass(frozen=True)
class Quantisation:
    """The quantisation of an integer input: stored = round(value / scale) + zero_point."""

    scale: float
    zero_point: int


# MobileNet v1 to v3 (slim): pixels to [-1, 1], which the quantised models' scale and zero point undo.
MOBILENET_VALUES = Normalisation(127.5, 127.5, raw=True)
# EfficientNet-lite (efficientnet_lite_builder.py: MEAN_RGB 127, STDDEV_RGB 128), quantised after training.
EFFICIENTNET_VALUES = Normalisation(127.0, 128.0, raw=False)
# The red, green and blue means that MLPerf's reference subtracts for ResNet-50; it does not divide.
RESNET50_MEANS = (123.68, 116.78, 103.94)


def normalisation(recipe: str, family: str) -> Normalisation:
    """Return a family's normalisation, or raise `ValueError`; MLPerf's v3.1 scripts use MobileNet's for all."""
    if family not in FAMILIES:
        raise ValueError(f"model family {family!r} is unknown; use one of {', '.join(FAMILIES)}")
    return EFFICIENTNET_VALUES if recipe == PUBLISHED and family == EFFICIENTNET else MOBILENET_VALUES


def pixel_values(scaling: Normalisation, dtype: str, quantisation: Quantisation | None = None) -> NDArray[Any]:
    """Return the input value for each pixel value, (256,), of type `dtype`: float32, uint8 or int8.

    Integers need the `quantisation` of the model's file, unless they are raw pixels.

    Raises:
        ValueError: another type, a scale that is not positive, or an integer input without its quantisation.
    """
    pixels = np.arange(_LEVELS)
    values = (pixels - scaling.mean) / scaling.std
    if dtype == "float32":
        return np.asarray(values, dtype=np.float32)
    if dtype not in {"uint8", "int8"}:
        raise ValueError(f"inputs of type {dtype} are not supported; an image classifier takes float32, uint8 or int8")
    if scaling.raw:
        return (pixels - (0 if dtype == "uint8" else _LEVELS // 2)).astype(dtype)
    if quantisation is None or not quantisation.scale > 0:
        raise ValueError(f"inputs of type {dtype} need the scale and the zero point of the model's file")
    scaled = values / quantisation.scale
    # TensorFlow Lite rounds halves away from zero.
    stored = np.trunc(scaled + np.copysign(0.5, scaled)) + quantisation.zero_point
    limits = np.iinfo(dtype)
    table: NDArray[Any] = np.clip(stored, limits.min, limits.max).astype(dtype)
    return table


def reference_values() -> NDArray[np.float32]:
    """Return ResNet-50's input value for each pixel value of red, green and blue, (3, 256) float32.

    MLPerf's reference subtracts in float32.
    """
    means = np.array(RESNET50_MEANS, dtype=np.float32)
    return np.arange(_LEVELS, dtype=np.float32) - means[:, None]


class ImagenetSamples(PreprocessedSamples):
    """The samples of a folder of preprocessed images: implements `mlperf_home.datasets.base.Samples`.

    Attributes:
        lengths: None, because all images have one size.
        record: the recipe, steps and resolution of the images, for the session.
        side: rows and columns of an image.
    """

    def __init__(self, folder: Path, values: NDArray[Any] | None = None) -> None:
        """Open a folder and map its pixels without reading them.

        `values` holds the input value for each pixel value, (256,) or (3, 256). Without it, and until `adapt` sets it,
        batches hold the pixels themselves.

        Raises:
            DatasetError: the folder is absent, incomplete or broken.
        """
        facts = PROVENANCE.read(folder)
        super().__init__(facts, "images", "list_sha256", "labels_sha256", "pixels_sha256")
        self.lengths: NDArray[np.int32] | None = None
        self.record = {key: facts[key] for key in ("recipe", "family", "steps", "resolution")}
        self.side = int(facts["resolution"])
        self._folder = folder
        self._pixels = read_pixels(folder, facts)
        self._values = values
        self._channels_first = False
        self._loaded: dict[int, NDArray[Any]] = {}

    def adapt(self, model: Mapping[str, Any]) -> None:
        """Adapt the samples to the layout, type and scale of the model's input.

        The "input" of an engine's details has shape (1, side, side, 3) or (1, 3, side, side), dtype, scale and
        zero_point; nothing changes without it. "classes" counts the classes without a background.

        Raises:
            DatasetError: the model takes images of another size or type, or has other classes than ImageNet's.
        """
        classes = model.get("classes", CLASSES)
        if not self.sample_note and classes != CLASSES:
            problem = f"has images of ImageNet's {CLASSES} classes, but the model has {classes}"
            raise DatasetError(self._folder, problem, "use a model that was trained for ImageNet")
        model_input = model.get("input")
        if model_input is None:
            return
        shape, side = tuple(model_input["shape"]), self.side
        self._channels_first = shape == (1, 3, side, side) != (1, side, side, 3)
        if not self._channels_first and shape != (1, side, side, 3):
            problem = f"has images {(1, side, side, 3)}, but the model takes {shape}"
            raise DatasetError(self._folder, problem, "preprocess for the model's resolution: --resolution=N")
        try:
            self._values = self._values_for(model_input)
        except ValueError as error:
            raise DatasetError(self._folder, f"does not fit the model ({error})", "use another model") from error
        self._loaded.clear()

    def _values_for(self, model_input: Mapping[str, Any]) -> NDArray[Any]:
        """Return the input value for each pixel value, of all channels or of each; raise `ValueError` without one."""
        family, dtype = str(self.record["family"]) or MOBILENET, str(model_input["dtype"])
        if family == RESNET50:
            if dtype != "float32":
                raise ValueError(f"inputs of type {dtype} are not supported; ResNet-50's reference takes float32")
            return reference_values()
        scale, zero_point = float(model_input["scale"]), int(model_input["zero_point"])
        scaling = normalisation(str(self.record["recipe"]), family)
        return pixel_values(scaling, dtype, Quantisation(scale, zero_point) if scale else None)

    def load(self, indices: Sequence[int]) -> None:
        """Make the model's inputs of these images; LoadGen calls this outside the timed section."""
        for index in indices:
            self._loaded[index] = self._row(index)

    def unload(self, indices: Sequence[int]) -> None:
        """Release the memory of these images."""
        for index in indices:
            self._loaded.pop(index, None)

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:  # noqa: ARG002 - images have no length
        """Return one contiguous array of images in the model's layout; a single image is not copied."""
        rows = [self._row(index) for index in indices.tolist()]
        return (rows[0] if len(rows) == 1 else np.concatenate(rows),)

    def _row(self, index: int) -> NDArray[Any]:
        if (row := self._loaded.get(index)) is not None:
            return row
        pixels, values = self._pixels[index : index + 1], self._values
        if values is None:
            return np.array(pixels)
        if values.ndim == 1 and not self._channels_first:
            return np.take(values, pixels)
        shape = (1, 3, self.side, self.side) if self._channels_first else pixels.shape
        row = np.empty(shape, dtype=values.dtype)
        planes = row if self._channels_first else np.moveaxis(row, -1, 1)
        for channel, of_channel in enumerate(np.broadcast_to(values, (3, _LEVELS))):
            planes[:, channel] = of_channel[pixels[..., channel]]
        return row
