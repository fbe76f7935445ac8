"""What every system under test is made of: queries, responses, and samples that are loaded.

Nothing here knows LoadGen: a query is ids of responses and indices of samples, and completion is a callable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlperf_home.harness.queries.batching import buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Answer, Backend, Grid, Prepared
    from mlperf_home.harness.queries.watchdog import Watchdog


class Respond(Protocol):
    """Completes samples: `ids[i]` belongs to the answer's row i, of which the first `lengths[i]` positions count.

    Where LoadGen wants no outputs the answer is not asked for.
    """

    def __call__(self, ids: Sequence[int], answer: Answer, lengths: NDArray[np.int32] | None, /) -> None:
        """Hand the responses to LoadGen."""


@dataclass(frozen=True)
class Parts:
    """What every system under test is made of.

    `fail` is called with the exception of a worker or of an issue call and does not return. `outputs` says whether
    answers are asked for.
    """

    backend: Backend
    samples: Samples
    grid: Grid
    respond: Respond
    watchdog: Watchdog
    fail: Callable[[BaseException], None]
    outputs: bool = True


@dataclass(frozen=True)
class Work:
    """One engine call: samples padded to one length (None without lengths), and the responses they belong to."""

    length: int | None
    ids: Sequence[int]
    indices: NDArray[np.intp]


class SystemUnderTest(Protocol):
    """What LoadGen drives.

    `streams_as` is what calls the engine: "caller" (LoadGen's own thread), "threads", "processes", or "processes, a
    core each" (pinned).
    """

    streams_as: str

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory; LoadGen calls this outside the timed section."""

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Take a query: the identities of its responses, and of each, the sample's index in the dataset.

        Its samples are completed now or later, in any order.
        """

    def stop(self) -> None:
        """End the worker threads, when nothing is outstanding."""


class LoadingSut:
    """Loads and unloads samples as they are."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory."""
        self._parts.samples.load(indices)

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""
        self._parts.samples.unload(indices)


class PreparingSut(LoadingSut):
    """Arranges each sample for the engine when it is loaded, so that nothing of it is left to be timed."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._prepared: dict[int, tuple[Prepared, NDArray[np.int32] | None]] = {}

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory and arrange each for the engine, padded to the grid."""
        super().load(indices)
        samples, grid = self._parts.samples, self._parts.grid
        for index in indices:
            one = np.array([index], dtype=np.intp)
            lengths = None if samples.lengths is None else samples.lengths[one]
            length = None if lengths is None else grid.lengths[buckets(lengths, grid)[0]]
            self._prepared[index] = (self._parts.backend.prepare(samples.batch(one, length)), lengths)

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples and what was arranged of them."""
        for index in indices:
            self._prepared.pop(index, None)
        super().unload(indices)
