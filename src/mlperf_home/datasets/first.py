"""The first so many samples of a dataset, for a quick look at an accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs, Samples


class FirstSamples:
    """The first `count` samples of others: implements `mlperf_home.datasets.base.Samples`."""

    def __init__(self, samples: Samples, count: int) -> None:
        """Look at the first `count` of `samples`, or at all where there are no more."""
        self._samples = samples
        self.name = samples.name
        self.count = min(count, samples.count)
        self.performance_count = min(samples.performance_count, self.count)
        self.lengths = None if samples.lengths is None else samples.lengths[: self.count]
        self.sample_note = samples.sample_note
        self.identity: Mapping[str, str] = {**samples.identity, "first": str(self.count)}
        self.notes = (*getattr(samples, "notes", ()), f"only the first {self.count} of {samples.count} samples")
        self.record: Mapping[str, Any] = getattr(samples, "record", {})

    def suit(self, model: Mapping[str, Any]) -> None:
        """See `Samples.suit`."""
        self._samples.suit(model)

    def load(self, indices: Sequence[int]) -> None:
        """See `Samples.load`."""
        self._samples.load(indices)

    def unload(self, indices: Sequence[int]) -> None:
        """See `Samples.unload`."""
        self._samples.unload(indices)

    def batch(self, indices: NDArray[np.intp], length: int | None) -> Inputs:
        """See `Samples.batch`."""
        return self._samples.batch(indices, length)
