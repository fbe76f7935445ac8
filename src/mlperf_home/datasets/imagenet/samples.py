"""Preprocessed images as LoadGen's query sample library sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.labels import CLASSES
from mlperf_home.datasets.imagenet.recipes import MOBILENET
from mlperf_home.datasets.imagenet.store import PROVENANCE, read_pixels
from mlperf_home.datasets.imagenet.values import Quantisation, normalisation, pixel_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.datasets.imagenet.values import PixelValues


class ImagenetSamples:
    """A folder of preprocessed images, opened: implements `mlperf_home.datasets.base.Samples`.

    Attributes:
        name: "imagenet-2012-val", or "sample-images".
        count: how many images there are.
        performance_count: the smaller of `count` and 1024.
        lengths: None: all images have one size.
        sample_note: says that the images are made up, or is empty.
        identity: the hashes of the list of images, of the labels and of the pixels.
        notes: sentences that belong beside a result: what keeps it from being official.
        record: how the images were made, for the session: recipe, steps, resolution.
        side: rows and columns of an image.
    """

    def __init__(self, folder: Path, values: PixelValues | None = None) -> None:
        """Open a folder; the pixels are mapped, not read.

        Args:
            folder: the folder of images.
            values: turns pixels into the model's input; until `suit` chooses it, pixels are given as they are.

        Raises:
            DatasetError: the folder is absent, incomplete or broken.
        """
        facts = PROVENANCE.read(folder)
        self.name = str(facts["name"])
        self.count = int(facts["images"])
        self.performance_count = int(facts["performance_count"])
        self.lengths: NDArray[np.int32] | None = None
        self.sample_note = str(facts["sample_note"])
        self.identity = {key: str(facts[key]) for key in ("list_sha256", "labels_sha256", "pixels_sha256")}
        self.notes = tuple(str(note) for note in facts["notes"])
        self.record = {key: facts[key] for key in ("recipe", "family", "steps", "resolution")}
        self.side = int(facts["resolution"])
        self._folder = folder
        self._pixels = read_pixels(folder, facts)
        self._values = values
        self._loaded: dict[int, NDArray[Any]] = {}

    def suit(self, model: Mapping[str, Any]) -> None:
        """Learn what the model takes, so that samples are made of that type and scale.

        Args:
            model: an engine's details; its "input" has shape (1, side, side, 3), dtype, scale and zero_point. Without
                an "input" nothing changes. "classes" are those without a background.

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
            if index not in self._loaded:
                self._loaded[index] = self._made(index)

    def unload(self, indices: Sequence[int]) -> None:
        """Release the memory of these images."""
        for index in indices:
            self._loaded.pop(index, None)

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:  # noqa: ARG002 - images have no length
        """Give one contiguous array (len(indices), side, side, 3); one image alone is not copied."""
        rows = [self._row(index) for index in indices.tolist()]
        return (rows[0] if len(rows) == 1 else np.concatenate(rows),)

    def _row(self, index: int) -> NDArray[Any]:
        row = self._loaded.get(index)
        return self._made(index) if row is None else row

    def _made(self, index: int) -> NDArray[Any]:
        pixels = self._pixels[index : index + 1]
        return np.array(pixels) if self._values is None else self._values(pixels)
