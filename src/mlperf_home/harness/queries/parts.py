"""Queries, and what every system under test is made of: batches, responses, samples that are loaded.

Nothing here knows LoadGen: a query is ids of responses and indices of samples, and completion is a callable. Samples
become batches by length, within the query, longest first: the inference rules of MLPerf allow sorting within a query
and padding to any size. The edges of the buckets come from the grid, never from the dataset's statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Answer, Backend, Prepared
    from mlperf_home.harness.queries.watchdog import Watchdog

    Respond = Callable[[Sequence[int], Answer, NDArray[np.int32] | None], None]
    """Completes samples: `ids[i]` belongs to the answer's row i, of which the first `lengths[i]` positions count.

    Where LoadGen wants no outputs the answer is not asked for.
    """

# A group is at most this part of what is left for a stream.
_GROUPS_LEFT_A_STREAM = 8


class TooLongError(ValueError):
    """A sample is longer than the grid's last length; the text says by how much."""


@dataclass(frozen=True)
class Batch:
    """Some samples of a query that are inferred by one call: their places in it, (n,) intp.

    `length` is the sequence length they are padded to; None where samples have no length.
    """

    length: int | None
    positions: NDArray[np.intp]


def buckets(lengths: NDArray[np.int32], grid: Grid) -> NDArray[np.intp]:
    """Return, for each sample, the index of the grid's first length that holds it, shape (n,).

    Raise TooLongError if a sample fits no length.
    """
    longest = int(lengths.max(initial=0))
    if not grid.lengths or longest > grid.lengths[-1]:
        limit = grid.lengths[-1] if grid.lengths else 0
        raise TooLongError(f"a sample has {longest} tokens, the longest sequence length asked for is {limit}")
    return np.searchsorted(np.asarray(grid.lengths), lengths, side="left")


def plan(lengths: NDArray[np.int32] | None, count: int, grid: Grid) -> list[Batch]:
    """Split a query of `count` samples, with (count,) tokens each or without lengths, into batches, the longest first.

    Long batches first keep the streams busy to the end: what is left over last is short. Raise TooLongError if a
    sample fits no length.
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
    """Fit a grid to a scenario: SingleStream has one sample at a time, whatever was measured for others."""
    if scenario == "SingleStream":
        return replace(grid, batch_sizes=(1,) * len(grid.batch_sizes), streams=1)
    return grid


def _split(members: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    return [members[start : start + size] for start in range(0, len(members), size)]


def groups(count: int, streams: int, largest: int, smallest: int = 1) -> Iterator[tuple[int, int]]:
    """Part samples that take equally long into groups for several streams: (start, end) of each, in order.

    Groups get smaller towards the end, so that the streams end together (guided self-scheduling, Polychronopoulos and
    Kuck 1987); below `smallest` they would cost more than they bring.
    """
    start = 0
    while start < count:
        size = max(smallest, min(largest, (count - start) // (streams * _GROUPS_LEFT_A_STREAM)))
        end = min(count, start + size)
        yield start, end
        start = end


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
