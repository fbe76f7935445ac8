"""The harness keeps its own latencies, in order: LoadGen logs only percentiles of a whole run.

In SingleStream a look at the clock before the inference would count as latency. One after the completion does not, so
that times from one completion to the next are kept. They are counted into a histogram for each block of time whenever
some thousands have gathered, between two queries. docs/decisions/0028 has the cost.
"""

from __future__ import annotations

import threading
from array import array
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.runs.latencies import COUNTED, KeptLatencies, LatencyBlock
from mlperf_home.latencies.buckets import BUCKETS, SUB_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.latencies import Kind

# Numbers that gather before they are counted: a quarter of a megabyte.
_FULL = 1 << 15
_SHORTEST_BLOCK_NS = 62_500_000
_USUAL_BLOCKS, _MOST_BLOCKS = 640, 1280


def block_ns_for(duration_s: float) -> int:
    """Return the length of blocks for a run of an expected duration: at most 640 of them."""
    block_ns = _SHORTEST_BLOCK_NS
    while duration_s * 1e9 > _USUAL_BLOCKS * block_ns:
        block_ns *= 2
    return block_ns


class KeptTimes:
    """Times of a run, kept by one thread at a time: by `keep`, or by `complete` in SingleStream.

    Attributes:
        kind: the kind of times; for completions, `keep` gets numbers of samples in place of starts.
    """

    def __init__(self, duration_s: float = 0.0, kind: Kind = "periods") -> None:
        """Begin with blocks for a run of an expected duration."""
        self.kind: Kind = kind
        self._block_ns = block_ns_for(duration_s)
        self._pairs, self._ends = array("q"), array("q")
        self._blocks: list[LatencyBlock] = []
        self._row = np.zeros(BUCKETS, dtype=np.int64)
        self._row_sum, self._row_count = 0, 0
        self._first_ns = self._last_ns = 0

    def begin(self) -> None:
        """Take this moment for the beginning, if no earlier one was taken."""
        self._first_ns = self._first_ns or perf_counter_ns()

    def complete(self) -> None:
        """Keep the time since the last call; the first call begins."""
        ends = self._ends
        ends.append(perf_counter_ns())
        if len(ends) >= _FULL:
            self._count_ends()
            # The counting is no part of the next query.
            ends[-1] = perf_counter_ns()

    def keep(self, started_ns: int) -> None:
        """Keep the latency of a query that ends now, by the `perf_counter_ns` at its start."""
        pairs = self._pairs
        pairs.append(started_ns)
        pairs.append(perf_counter_ns())
        if len(pairs) >= _FULL:
            self._count()

    def keep_all(self, starts_ns: NDArray[np.int64], ends_ns: NDArray[np.int64]) -> None:
        """Keep times whose ends are known, in order."""
        self._pairs.frombytes(np.column_stack((starts_ns, ends_ns)).astype(np.int64).tobytes())
        self._count()

    def document(self) -> KeptLatencies | None:
        """Return what was kept; None if nothing was."""
        self._count_ends()
        self._count()
        if not self._first_ns or not (self._blocks or self._row_count):
            return None
        blocks = (*self._blocks, self._row_block())
        duration_s = max(1, self._last_ns - self._first_ns) / 1e9
        return KeptLatencies(kind=self.kind, block_s=self._block_ns / 1e9, duration_s=duration_s, blocks=blocks)

    def _count_ends(self) -> None:
        """Count the gathered ends but the last, which begins the next time."""
        ends = np.array(self._ends, dtype=np.int64)
        del self._ends[:-1]
        if len(ends) > 1:
            self.keep_all(ends[:-1], ends[1:])

    def _count(self) -> None:
        """Count the gathered pairs into blocks."""
        pairs = np.array(self._pairs, dtype=np.int64).reshape(-1, 2)
        del self._pairs[:]
        if not len(pairs):
            return
        starts, ends = pairs[:, 0], pairs[:, 1]
        if not self._first_ns:
            self._first_ns = int(ends[0] if self.kind in COUNTED else starts[0])
        self._last_ns = int(ends[-1])
        # A last end that lies on the border of two blocks belongs to the first.
        numbers = np.maximum(0, ends - self._first_ns - 1) // self._block_ns
        changes = np.flatnonzero(np.diff(numbers)) + 1
        for part, end in zip(np.split(pairs, changes), [*changes, len(pairs)], strict=True):
            while len(self._blocks) < numbers[end - 1]:
                self._finish_block()
            self._add(part[:, 0] if self.kind in COUNTED else part[:, 1] - part[:, 0])
        while len(self._blocks) >= _MOST_BLOCKS:
            self._halve()

    def _add(self, values: NDArray[np.int64]) -> None:
        if self.kind in COUNTED:
            self._row_count += int(values.sum())
            return
        self._row_count += len(values)
        self._row_sum += int(values.sum())
        self._row += np.bincount(buckets(values), minlength=BUCKETS)

    def _row_block(self) -> LatencyBlock:
        return LatencyBlock(count=self._row_count, sum_ns=self._row_sum, histogram=histogram_text(self._row))

    def _finish_block(self) -> None:
        self._blocks.append(self._row_block())
        self._row[:] = 0
        self._row_sum = self._row_count = 0

    def _halve(self) -> None:
        """Merge each two blocks: the run is longer than expected."""
        self._block_ns *= 2
        merged = []
        for first, second in zip(self._blocks[::2], self._blocks[1::2], strict=False):
            row = counts_of(first.histogram) + counts_of(second.histogram)
            total = first.sum_ns + second.sum_ns
            merged.append(LatencyBlock(count=first.count + second.count, sum_ns=total, histogram=histogram_text(row)))
        if len(self._blocks) % 2:
            last = self._blocks[-1]
            self._row += counts_of(last.histogram)
            self._row_sum, self._row_count = self._row_sum + last.sum_ns, self._row_count + last.count
        self._blocks = merged


class KeptQueries:
    """Keeps the times of queries whose samples are completed later, perhaps by several threads.

    A Server's queries overlap; each has one sample. MultiStream issues one query after the other; each has several
    samples. Of Offline's one query, completions are counted.
    """

    def __init__(self, scenario: str, times: KeptTimes) -> None:
        self._times = times
        self._lock = threading.Lock()
        self._starts: dict[int, int] = {}
        self._open, self._start_ns = 0, 0
        self._end = {"Server": self._end_samples, "MultiStream": self._end_query}.get(scenario, self._count)
        self._overlapping = scenario == "Server"

    def issuing(self, issue: Callable[..., None]) -> Callable[[Sequence[int], Sequence[int]], None]:
        """Return `issue` with the start of each query noted."""

        def noted(ids: Sequence[int], indices: Sequence[int]) -> None:
            now_ns = perf_counter_ns()
            self._times.begin()
            if self._overlapping:
                self._starts.update(dict.fromkeys(ids, now_ns))
            else:
                self._open, self._start_ns = len(ids), now_ns
            issue(ids, indices)

        return noted

    def responding(self, respond: Callable[..., None]) -> Callable[..., None]:
        """Return `respond` with the end of each sample noted just before: LoadGen may issue the next query at once."""

        def noted(ids: Sequence[int], answer: object, lengths: object) -> None:
            with self._lock:
                self._end(ids)
            respond(ids, answer, lengths)

        return noted

    def _end_samples(self, ids: Sequence[int]) -> None:
        for each in ids:
            self._times.keep(self._starts.pop(each))

    def _end_query(self, ids: Sequence[int]) -> None:
        self._open -= len(ids)
        if not self._open:
            self._times.keep(self._start_ns)

    def _count(self, ids: Sequence[int]) -> None:
        self._times.keep(len(ids))


def buckets(durations_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of each duration, as `latencies.buckets.bucket_of` does."""
    safe = np.maximum(durations_ns, 0)
    octaves = np.maximum(np.frexp(safe.astype(np.float64))[1] - SUB_BITS - 1, 0).astype(np.int64)
    return np.minimum((octaves << SUB_BITS) + (safe >> octaves), BUCKETS - 1)


def histogram_text(row: NDArray[np.int64]) -> str:
    """Return the counts of all buckets as pairs of gap and count."""
    used = np.flatnonzero(row)
    pairs = np.column_stack((np.diff(used, prepend=-1), row[used]))
    return " ".join(map(str, pairs.ravel().tolist()))


def counts_of(text: str) -> NDArray[np.int64]:
    """Return the counts of all buckets from pairs of gap and count."""
    row = np.zeros(BUCKETS, dtype=np.int64)
    numbers = np.array(text.split(" "), dtype=np.int64) if text else np.zeros(0, dtype=np.int64)
    row[np.cumsum(numbers[::2]) - 1] = numbers[1::2]
    return row
