"""The interface of every dataset to the harness, a part of any dataset, and the ending of datasets' commands."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Protocol

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
"""The arrays of `Inputs` for question answering, in this order."""


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


class PartOfSamples:
    """`count` samples of others after the first `after`: implements `mlperf_home.datasets.base.Samples`."""

    def __init__(self, samples: Samples, count: int, after: int = 0) -> None:
        """Look at `count` of `samples`, or at fewer where there are no more; their numbers begin at 0 again."""
        if after >= samples.count:
            raise ValueError(f"there are {samples.count} samples, none after the first {after}")
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

    def suit(self, model: Mapping[str, Any]) -> None:
        """See `Samples.suit`."""
        self._samples.suit(model)

    def load(self, indices: Sequence[int]) -> None:
        """See `Samples.load`."""
        self._samples.load([index + self._after for index in indices])

    def unload(self, indices: Sequence[int]) -> None:
        """See `Samples.unload`."""
        self._samples.unload([index + self._after for index in indices])

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """See `Samples.batch`."""
        return self._samples.batch(indices + self._after, length)


def report(work: Callable[[], Mapping[str, Any]]) -> int:
    """Do the work, print what it returns, and return the exit code."""
    try:
        outcome = work()
    except LocatedError as error:
        print(f"mlperf-home: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(json.dumps(outcome))
    return 0
