"""SQuAD's features as LoadGen's query sample library sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.provenance import PreprocessedSamples
from mlperf_home.datasets.squad.store import PROVENANCE, read_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs

INPUT_NAMES = ("input_ids", "attention_mask", "token_type_ids")


class SquadSamples(PreprocessedSamples):
    """A features folder, opened: implements `mlperf_home.datasets.base.Samples`.

    Attributes:
        lengths: (count,) int32, tokens of each feature without padding.
        max_length: columns of a whole row (384).
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder; the arrays are mapped, not read.

        Raises:
            DatasetError: the folder is absent, incomplete or broken.
        """
        facts = PROVENANCE.read(folder)
        super().__init__(facts, "features", "dataset_sha256", "vocab_sha256")
        self._mapped = tuple(read_array(folder, name, self.count) for name in INPUT_NAMES)
        self._rows: Inputs = self._mapped
        self._loaded = 0
        self.lengths: NDArray[np.int32] | None = np.array(read_array(folder, "lengths", self.count))
        self.max_length = int(self._mapped[0].shape[1])

    def suit(self, model: Mapping[str, Any]) -> None:
        """Nothing to learn: every BERT takes the same three arrays."""

    def load(self, indices: Sequence[int]) -> None:
        """Bring the features into memory (all at once: the official set takes 100 MB)."""
        if not self._loaded:
            self._rows = tuple(np.array(array) for array in self._mapped)
        self._loaded += len(indices)

    def unload(self, indices: Sequence[int]) -> None:
        """Release the memory once as many features are unloaded as were loaded."""
        self._loaded = max(0, self._loaded - len(indices))
        if not self._loaded:
            self._rows = self._mapped

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """Return input_ids, attention_mask and token_type_ids, each contiguous (len(indices), length) int64.

        Raises:
            ValueError: a feature does not fit into `length`.
        """
        width = self.max_length
        columns = width if length is None else length
        if len(indices) == 1 and columns <= width:
            index = int(indices[0])
            if self.lengths is not None and self.lengths[index] > columns:
                raise ValueError(f"a feature is longer than {columns} tokens")
            # Part of one row is contiguous: nothing is copied while a latency is measured.
            rows = slice(index, index + 1)
            return tuple(array[rows, :columns] for array in self._rows)
        if columns < width and self.lengths is not None and (self.lengths[indices] > columns).any():
            raise ValueError(f"a feature is longer than {columns} tokens")
        # np.take on a narrowed view would copy the whole array first; fancy indexing reads what is asked for.
        filled = [np.ascontiguousarray(array[indices, : min(columns, width)]) for array in self._rows]
        return tuple(np.pad(each, ((0, 0), (0, columns - width))) if columns > width else each for each in filled)
