"""The folder of preprocessed images, and LoadGen's samples of it: floats or integers, as the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import CLASSES, OFFICIAL_COUNT, SAMPLE_PREFIX, list_sha256
from mlperf_home.datasets.imagenet.recipes import EFFICIENTNET, FAMILIES, MOBILENET, PUBLISHED
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


class ImageFacts(SampleFacts, frozen=True, kw_only=True):
    """What a folder of preprocessed images says of itself, at least."""

    images: int
    resolution: int
    recipe: str
    family: str
    steps: Any
    list_sha256: str
    labels_sha256: str
    pixels_sha256: str


PROVENANCE = ProvenanceFile(PROVENANCE_FILE, "images", FORMAT, ImageFacts, _ADVICE)


def wanted_facts(
    recipe: Recipe, images: Sequence[ImageFile], labels: Labels, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Describe what is to be made: JSON values only; equal descriptions mean equal pixels."""
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
        DatasetError: the array is absent, cut off, or another than the description says.
    """
    path, shape = folder / PIXELS_FILE, pixels_shape(facts)
    pixels = PROVENANCE.map_array(path)
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise DatasetError(path, f"holds {pixels.dtype} {pixels.shape}, not uint8 {shape}", _ADVICE)
    return pixels


def pixels_shape(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of the array that a description speaks of."""
    side = int(facts["resolution"])
    return int(facts["images"]), side, side, 3


def finished(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the description of a whole folder that was made as wanted; None where there is none."""
    try:
        facts = PROVENANCE.read(folder)
        read_pixels(folder, facts)
    except (DatasetError, KeyError, TypeError):
        return None
    return facts if all(facts.get(key) == value for key, value in wanted.items()) else None


@dataclass(frozen=True)
class Normalisation:
    """How a model family reads pixels: value = (pixel - mean) / std, both in steps of 255.

    Where `raw`, a quantised input takes the pixels themselves; its scale and zero point are meant to be 1/std and mean.
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


def normalisation(recipe: str, family: str) -> Normalisation:
    """Return what a recipe does for a family, or raise `ValueError`; MLPerf's v3.1 scripts take all as MobileNets."""
    if family not in FAMILIES:
        raise ValueError(f"model family {family!r}: must be one of {', '.join(FAMILIES)}")
    return EFFICIENTNET_VALUES if recipe == PUBLISHED and family == EFFICIENTNET else MOBILENET_VALUES


def pixel_values(how: Normalisation, dtype: str, quantisation: Quantisation | None = None) -> NDArray[Any]:
    """Return what each value of a pixel becomes, (256,), for an input of type `dtype`: float32, uint8 or int8.

    Integers need the `quantisation` of the model's file, unless they are raw pixels.

    Raises:
        ValueError: another type, a scale that is not positive, or an integer input whose quantisation is not given.
    """
    pixels = np.arange(_LEVELS)
    values = (pixels - how.mean) / how.std
    if dtype == "float32":
        return np.asarray(values, dtype=np.float32)
    if dtype not in {"uint8", "int8"}:
        raise ValueError(f"inputs of type {dtype}: an image classifier takes float32, uint8 or int8")
    if how.raw:
        return (pixels - (0 if dtype == "uint8" else _LEVELS // 2)).astype(dtype)
    if quantisation is None or not quantisation.scale > 0:
        raise ValueError(f"inputs of type {dtype} need the scale and the zero point of the model's file")
    scaled = values / quantisation.scale
    # TensorFlow Lite rounds halves away from zero.
    stored = np.trunc(scaled + np.copysign(0.5, scaled)) + quantisation.zero_point
    limits = np.iinfo(dtype)
    table: NDArray[Any] = np.clip(stored, limits.min, limits.max).astype(dtype)
    return table


class ImagenetSamples(PreprocessedSamples):
    """A folder of preprocessed images, opened: implements `mlperf_home.datasets.base.Samples`.

    Attributes:
        lengths: None: all images have one size.
        record: how the images were made, for the session: recipe, steps, resolution.
        side: rows and columns of an image.
    """

    def __init__(self, folder: Path, values: NDArray[Any] | None = None) -> None:
        """Open a folder; the pixels are mapped, not read.

        `values` is what each value of a pixel becomes, (256,); until `suit` chooses it, pixels are given as they are.

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
        self._loaded: dict[int, NDArray[Any]] = {}

    def suit(self, model: Mapping[str, Any]) -> None:
        """Learn what the model takes, so that samples are made of that type and scale.

        The "input" of an engine's details has shape (1, side, side, 3), dtype, scale and zero_point; without it nothing
        changes. "classes" are those without a background.

        Raises:
            DatasetError: the images are not of the model's size, the model takes another type, or tells other classes
                than ImageNet's.
        """
        classes = model.get("classes", CLASSES)
        if not self.sample_note and classes != CLASSES:
            problem = f"holds images of ImageNet's {CLASSES} classes, the model tells {classes}"
            raise DatasetError(self._folder, problem, "give a model that was trained for ImageNet")
        wanted = model.get("input")
        if wanted is None:
            return
        shape = (1, self.side, self.side, 3)
        if tuple(wanted["shape"]) != shape:
            problem = f"holds images {shape}, the model takes {tuple(wanted['shape'])}"
            raise DatasetError(self._folder, problem, "preprocess for the model's resolution: --resolution=N")
        scale, zero_point = float(wanted["scale"]), int(wanted["zero_point"])
        how = normalisation(str(self.record["recipe"]), str(self.record["family"]) or MOBILENET)
        try:
            self._values = pixel_values(how, wanted["dtype"], Quantisation(scale, zero_point) if scale else None)
        except ValueError as error:
            raise DatasetError(self._folder, f"cannot be given to the model ({error})", "give another model") from error
        self._loaded.clear()

    def load(self, indices: Sequence[int]) -> None:
        """Make the model's inputs of these images; LoadGen calls this outside the timed section."""
        for index in indices:
            self._loaded[index] = self._row(index)

    def unload(self, indices: Sequence[int]) -> None:
        """Release the memory of these images."""
        for index in indices:
            self._loaded.pop(index, None)

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:  # noqa: ARG002 - images have no length
        """Return one contiguous array (len(indices), side, side, 3); one image alone is not copied."""
        rows = [self._row(index) for index in indices.tolist()]
        return (rows[0] if len(rows) == 1 else np.concatenate(rows),)

    def _row(self, index: int) -> NDArray[Any]:
        if (row := self._loaded.get(index)) is not None:
            return row
        pixels = self._pixels[index : index + 1]
        return np.array(pixels) if self._values is None else np.take(self._values, pixels)
