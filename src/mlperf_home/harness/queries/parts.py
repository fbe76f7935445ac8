"""The parts of a system under test: batches, responses, and the loading of samples.

This module is independent of LoadGen: a query consists of response ids and sample indices, and completion is a
callable. The samples of a query are batched by length, longest first: MLPerf's inference rules allow sorting within a
query and padding to any size. Bucket limits come from the grid, never from statistics of the dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlperf_home.harness.queries.kept import KeptTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Answer, Backend, Prepared
    from mlperf_home.harness.queries.watchdog import Watchdog

    Respond = Callable[[Sequence[int], Answer, NDArray[np.int32] | None], None]
    """Completes samples: `ids[i]` belongs to row i of the answer, of which the first `lengths[i]` positions are valid.

    The answer is not computed if LoadGen logs no outputs.
    """

# A group has at most this fraction of a stream's remaining samples.
_GROUPS_LEFT_A_STREAM = 8


class TooLongError(ValueError):
    """A sample is longer than the last length of the grid."""


@dataclass(frozen=True)
class Batch:
    """The samples of one engine call within a query.

    Attributes:
        length: the padded sequence length, or None where samples have no length.
        positions: the positions of the samples in the query, (n,) intp.
    """

    length: int | None
    positions: NDArray[np.intp]


def buckets(lengths: NDArray[np.int32], grid: Grid) -> NDArray[np.intp]:
    """Return the index of the first grid length that holds each sample, (n,) intp, for lengths (n,) in tokens.

    Raises:
        TooLongError: a sample is longer than the last length.
    """
    longest = int(lengths.max(initial=0))
    if not grid.lengths or longest > grid.lengths[-1]:
        limit = grid.lengths[-1] if grid.lengths else 0
        raise TooLongError(f"a sample has {longest} tokens, but the longest sequence length is {limit}")
    return np.searchsorted(np.asarray(grid.lengths), lengths, side="left")


def plan(lengths: NDArray[np.int32] | None, count: int, grid: Grid) -> list[Batch]:
    """Split a query of `count` samples into batches, the longest samples first.

    Short batches at the end let the streams finish together.

    Args:
        lengths: the tokens of each sample, (count,), or None.
        count: the number of samples.
        grid: the lengths, and the largest batch of each.

    Raises:
        TooLongError: a sample is longer than the last length.
    """
    if lengths is None:
        return [Batch(None, part) for part in _split(np.arange(count), grid.batch_sizes[0])]
    bucket = buckets(lengths, grid)
    order = np.argsort(-lengths, kind="stable")
    batches: list[Batch] = []
    for k in range(len(grid.lengths) - 1, -1, -1):
        members = order[bucket[order] == k]
        batches += [Batch(grid.lengths[k], part) for part in _split(members, grid.batch_sizes[k])]
    return batches


def grid_for(scenario: str, grid: Grid) -> Grid:
    """Return the grid for a scenario; SingleStream has one stream with batches of one sample."""
    if scenario == "SingleStream":
        return replace(grid, batch_sizes=(1,) * len(grid.batch_sizes), streams=1)
    return grid


def _split(members: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    return [members[start : start + size] for start in range(0, len(members), size)]


def groups(count: int, streams: int, largest: int, smallest: int = 1) -> Iterator[tuple[int, int]]:
    """Split samples of equal cost into groups for several streams; yield the (start, end) of each group in order.

    Groups shrink towards the end, so that the streams finish together (guided self-scheduling, Polychronopoulos and
    Kuck 1987). Their sizes are between `smallest`, below which the overhead outweighs the gain, and `largest`.
    """
    start = 0
    while start < count:
        size = max(smallest, min(largest, (count - start) // (streams * _GROUPS_LEFT_A_STREAM)))
        end = min(count, start + size)
        yield start, end
        start = end


@dataclass(frozen=True)
class SutParts:
    """The parts that every system under test uses.

    Attributes:
        respond: completes samples with their answers.
        fail: called with the exception of a worker or of an issue call; it does not return.
        outputs: whether the answers are used.
        times: keeps the latencies.
        places: the logical CPUs of each stream; () where the engine and the kernel place the streams.
    """

    backend: Backend
    samples: Samples
    grid: Grid
    respond: Respond
    watchdog: Watchdog
    fail: Callable[[BaseException], None]
    outputs: bool = True
    times: KeptTimes = field(default_factory=KeptTimes)
    places: tuple[frozenset[int], ...] = ()

    @property
    def threads_as(self) -> str:
        """The kind of streams that are threads, see `SystemUnderTest.streams_as`."""
        return "threads, each on cores of its node" if self.places else "threads"


@dataclass(frozen=True)
class PendingBatch:
    """Issued samples that one worker infers together.

    Attributes:
        length: the padded sequence length, or None where samples have no length.
        ids: the response ids, one for each sample.
        indices: the indices of the samples in the dataset, (n,) intp.
    """

    length: int | None
    ids: Sequence[int]
    indices: NDArray[np.intp]


class SystemUnderTest(Protocol):
    """A system under test, as LoadGen calls it.

    Attributes:
        streams_as: the callers of the engine: "caller" (LoadGen's thread), "threads", "processes"; pinned ones with
            their places, such as "processes, a core each".
    """

    streams_as: str

    def load(self, indices: Sequence[int]) -> None:
        """Load samples into memory; LoadGen calls this outside the timed section."""

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Accept a query: the ids of its responses and the dataset index of each sample.

        The samples are completed now or later, in any order.
        """

    def stop(self) -> None:
        """End the workers; no samples may be outstanding."""


class LoadingSut:
    """The base of systems under test: it loads and unloads samples."""

    def __init__(self, parts: SutParts) -> None:
        self._parts = parts

    def load(self, indices: Sequence[int]) -> None:
        """Load samples into memory."""
        self._parts.samples.load(indices)

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples."""
        self._parts.samples.unload(indices)


class PreparingSut(LoadingSut):
    """The base of systems under test that prepare each sample on loading, outside the timed section."""

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self._prepared: dict[int, tuple[Prepared, NDArray[np.int32] | None]] = {}

    def load(self, indices: Sequence[int]) -> None:
        """Load samples and prepare each for the engine, padded to the grid."""
        super().load(indices)
        samples, grid = self._parts.samples, self._parts.grid
        for index in indices:
            single = np.array([index], dtype=np.intp)
            lengths = None if samples.lengths is None else samples.lengths[single]
            length = None if lengths is None else grid.lengths[buckets(lengths, grid)[0]]
            self._prepared[index] = (self._parts.backend.prepare(samples.batch(single, length)), lengths)

    def unload(self, indices: Sequence[int]) -> None:
        """Release samples and their prepared inputs."""
        for index in indices:
            self._prepared.pop(index, None)
        super().unload(indices)
