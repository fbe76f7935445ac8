"""The interface of a dataset to the harness, a part of a dataset, and the exit of a dataset's command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    # One array per model input, in the order of the benchmark's inputs; the first axis is the batch.
    Inputs = tuple[NDArray[Any], ...]

EXIT_BAD_INPUT = 65
QUESTION_ANSWERING_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""The arrays of `Inputs` for question answering, in order."""


class DatasetError(LocatedError):
    """A dataset, its vocabulary or its preprocessed form cannot be used."""


class Samples(Protocol):
    """A preprocessed dataset for LoadGen's query sample library (QSL).

    Attributes:
        name: the dataset's name, for records ("squad-v1.1").
        count: the number of samples.
        performance_count: the number of samples that a performance run keeps loaded.
        lengths: (count,) int32, tokens of each sample without padding; None if all samples have one size.
        sample_note: a note that the dataset is sample data; "" for a real dataset.
        identity: hashes of the samples' sources by name; equal only for equal samples.
    """

    name: str
    count: int
    performance_count: int
    lengths: NDArray[np.int32] | None
    sample_note: str
    identity: Mapping[str, str]

    def adapt(self, model: Mapping[str, Any]) -> None:
        """Adapt the samples to the model in an engine's details; called once, before any sample is loaded.

        Raises:
            DatasetError: the model cannot take these samples.
        """

    def load(self, indices: Sequence[int]) -> None:
        """Load samples into memory; LoadGen calls this outside the timed section."""

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """Return contiguous inputs of shape (len(indices), length), padded with zeros.

        `length` is None for samples without a length (images).
        """
        ...


class PartOfSamples:
    """A range of another dataset's samples: implements `mlperf_home.datasets.base.Samples`."""

    def __init__(self, samples: Samples, count: int, after: int = 0) -> None:
        """Take at most `count` of `samples` after the first `after`, numbered from 0."""
        if after >= samples.count:
            raise ValueError(f"the dataset has {samples.count} samples, none after the first {after}")
        self._samples, self._after = samples, after
        self.name = samples.name
        self.count = min(count, samples.count - after)
        self.performance_count = min(samples.performance_count, self.count)
        self.lengths = None if samples.lengths is None else samples.lengths[after : after + self.count]
        self.sample_note = samples.sample_note
        self.identity: Mapping[str, str] = {**samples.identity, "part": f"{after}-{after + self.count}"}
        part = f"{self.count} after the first {after}" if after else f"the first {self.count}"
        self.notes = (*getattr(samples, "notes", ()), f"only {part} of {samples.count} samples")
        self.record: Mapping[str, Any] = getattr(samples, "record", {})

    def adapt(self, model: Mapping[str, Any]) -> None:
        """Implement `Samples.adapt`."""
        self._samples.adapt(model)

    def load(self, indices: Sequence[int]) -> None:
        """Implement `Samples.load`."""
        self._samples.load([index + self._after for index in indices])

    def unload(self, indices: Sequence[int]) -> None:
        """Implement `Samples.unload`."""
        self._samples.unload([index + self._after for index in indices])

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """Implement `Samples.batch`."""
        return self._samples.batch(indices + self._after, length)


def report(compute: Callable[[], Mapping[str, Any]]) -> int:
    """Call `compute`, print its result as a JSON line or its error, and return the exit code."""
    try:
        outcome = compute()
    except LocatedError as error:
        print_failure(error)
        return EXIT_BAD_INPUT
    print_line(outcome)
    return 0
