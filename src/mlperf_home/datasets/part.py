"""So many samples of a dataset, for a quick look at an accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs, Samples


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
