"""The folder of preprocessed images: one array of bytes that can be mapped, its labels, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import list_sha256
from mlperf_home.datasets.imagenet.labels import OFFICIAL_COUNT, SAMPLE_PREFIX
from mlperf_home.datasets.provenance import ProvenanceFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.imagenet.images import ImageFile
    from mlperf_home.datasets.imagenet.labels import Labels
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
_HASHES = ("list_sha256", "labels_sha256", "pixels_sha256")
_SIZES = ("images", "resolution", "performance_count")
_NEEDED_FACTS = frozenset({"name", "sample_note", "recipe", "family", "steps", "notes", *_SIZES, *_HASHES})
PROVENANCE = ProvenanceFile(PROVENANCE_FILE, "images", FORMAT, _NEEDED_FACTS, _ADVICE)


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
