"""The interface of every dataset to the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    # One array per model input, in the order of the benchmark's inputs; the first axis is the batch.
    Inputs = tuple[NDArray[Any], ...]


class DatasetError(LocatedError):
    """A dataset, its vocabulary or its preprocessed form cannot be used."""


class Samples(Protocol):
    """A dataset, preprocessed, as LoadGen's query sample library sees it.

    Attributes:
        name: the dataset's name, for records ("squad-v1.1").
        count: how many samples there are.
        performance_count: how many of them a performance run keeps loaded.
        lengths: (count,) int32, tokens of each sample without padding; None where all are alike.
        sample_note: says that these are sample data, or is empty for a real dataset.
        identity: hashes of what the samples were made of, by name; equal only for equal samples.
    """

    name: str
    count: int
    performance_count: int
    lengths: NDArray[np.int32] | None
    sample_note: str
    identity: Mapping[str, str]

    def suit(self, model: Mapping[str, Any]) -> None:
        """Learn from an engine's details what its model takes; called once, before any sample is loaded.

        Raises:
            DatasetError: these samples cannot be given to that model.
        """

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory; LoadGen calls this outside the timed section."""

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """Return contiguous inputs of shape (len(indices), length), padded with zeros.

        `length` is None where samples have no length (images).
        """
        ...
