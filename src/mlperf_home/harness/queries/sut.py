"""Systems under test for each scenario: they batch the samples of LoadGen's queries, infer them and complete them.

This module is independent of LoadGen: a query consists of response ids and sample indices, and completion is a
callable.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import Forkable
from mlperf_home.engines.callers import become_stream
from mlperf_home.harness.queries.parts import LoadingSut, PendingBatch, PreparingSut, buckets, groups, plan
from mlperf_home.harness.queries.streams import ProcessesSut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.harness.queries.parts import SutParts, SystemUnderTest

# The most samples that `UnbatchedSut` completes together: enough to make the cost of completion negligible.
_LARGEST_GROUP = 16


class DirectSut(PreparingSut):
    """The SUT for SingleStream: it infers in the issuing thread."""

    streams_as = "caller"

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Infer the query's only sample and complete it.

        An inference empties the caches, after which every line here adds microseconds to the latency. All other
        preparation is therefore done when samples are loaded, and the clock is read only after the completion.
        """
        parts = self._parts
        try:
            parts.watchdog.expect_one()
            infer, lengths = self._prepared[indices[0]]
            parts.respond(ids, infer(), lengths)
            parts.times.complete()
            parts.watchdog.done_one()
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)

    def stop(self) -> None:
        """Do nothing: there are no workers."""


class _Workers:
    """Threads that call the engine, one for each stream; `take` returns their next batch, by default from a queue."""

    def __init__(
        self,
        parts: SutParts,
        infer: Callable[[PendingBatch], None],
        take: Callable[[], PendingBatch | None] | None = None,
    ) -> None:
        self._fail = parts.fail
        self._queue: queue.SimpleQueue[PendingBatch | None] = queue.SimpleQueue()
        self.put = self._queue.put
        self._next_batch = take or self._queue.get
        self._infer = infer
        self._places = parts.places
        self._threads = [
            threading.Thread(target=self._run, args=(stream,), name=f"stream-{stream}", daemon=True)
            for stream in range(parts.grid.streams)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for _ in self._threads:
            self.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, stream: int) -> None:
        try:
            if self._places:
                become_stream(stream, self._places[stream])
            while (pending := self._next_batch()) is not None:
                self._infer(pending)
        except BaseException as error:  # noqa: BLE001 - a worker that ends silently hangs LoadGen
            self._fail(error)


class QueuedSut(LoadingSut):
    """The SUT for Offline and MultiStream with batches: each query is sorted, batched and queued for the streams."""

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self.streams_as = parts.threads_as
        self._workers = _Workers(parts, partial(_infer, parts))
        self.stop = self._workers.stop

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Queue the query's batches."""
        parts = self._parts
        parts.watchdog.expect(len(ids))
        try:
            for pending in split_query(ids, indices, parts.samples, parts.grid):
                self._workers.put(pending)
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)


class UnbatchedSut(PreparingSut):
    """The SUT for Offline and MultiStream without lengths and batches: threads infer single samples, such as images.

    Work between two inferences holds the interpreter's lock, which the other streams need. Samples are therefore
    prepared when they are loaded, and completed in small groups.
    """

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self.streams_as = parts.threads_as
        self._workers = _Workers(parts, self._infer)
        self.stop = self._workers.stop

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Queue the query's samples, in groups."""
        parts = self._parts
        parts.watchdog.expect(len(ids))
        try:
            for start, end in groups(len(ids), parts.grid.streams, _LARGEST_GROUP):
                self._workers.put(PendingBatch(None, ids[start:end], np.array(indices[start:end], dtype=np.intp)))
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)

    def _infer(self, pending: PendingBatch) -> None:
        prepared = self._prepared
        answers = [prepared[index][0]() for index in pending.indices.tolist()]
        self._parts.respond(pending.ids, lambda: np.concatenate([answer() for answer in answers]), None)
        self._parts.watchdog.done(len(pending.ids))


class ServerSut(LoadingSut):
    """The SUT for Server: a free stream takes the oldest waiting sample and others of its bucket."""

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self.streams_as = parts.threads_as
        lengths, grid = parts.samples.lengths, parts.grid
        self._bucket = None if lengths is None else buckets(lengths, grid).tolist()
        # A waiting line for each bucket; its entries (arrival, id, index) make the oldest head the smallest.
        self._waiting: list[deque[tuple[int, int, int]]] = [deque() for _ in grid.batch_sizes]
        self._arrivals = 0
        self._stopped = False
        self._changed = threading.Condition()
        self._workers = _Workers(parts, partial(_infer, parts), self._take)

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Append the query's samples to the waiting lines of their buckets."""
        self._parts.watchdog.expect(len(ids))
        try:
            with self._changed:
                for identity, index in zip(ids, indices, strict=True):
                    line = self._waiting[0 if self._bucket is None else self._bucket[index]]
                    line.append((self._arrivals, identity, index))
                    self._arrivals += 1
                self._changed.notify(len(ids))
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def stop(self) -> None:
        """End the workers."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._workers.stop()

    def _take(self) -> PendingBatch | None:
        grid = self._parts.grid
        with self._changed:
            while not any(self._waiting):
                if self._stopped:
                    return None
                self._changed.wait()
            k = min((line[0][0], k) for k, line in enumerate(self._waiting) if line)[1]
            line = self._waiting[k]
            taken = [line.popleft() for _ in range(min(len(line), grid.batch_sizes[k]))]
        indices = np.array([index for _, _, index in taken], dtype=np.intp)
        return PendingBatch(grid.lengths[k] if grid.lengths else None, [entry[1] for entry in taken], indices)


def split_query(ids: Sequence[int], indices: Sequence[int], samples: Samples, grid: Grid) -> list[PendingBatch]:
    """Return the batches of a query, the longest first."""
    rows = np.array(indices, dtype=np.intp)
    lengths = None if samples.lengths is None else samples.lengths[rows]
    return [
        PendingBatch(batch.length, [ids[position] for position in batch.positions.tolist()], rows[batch.positions])
        for batch in plan(lengths, len(ids), grid)
    ]


def make_sut(scenario: str, parts: SutParts) -> SystemUnderTest:
    """Return the SUT of a scenario."""
    if scenario == "SingleStream":
        return DirectSut(parts)
    if scenario == "Server":
        return ServerSut(parts)
    if parts.samples.lengths is not None or parts.grid.batch_sizes != (1,):
        return QueuedSut(parts)
    several = scenario == "Offline" and parts.grid.streams > 1
    may_fork = several and isinstance(parts.backend, Forkable) and parts.backend.fork_safe()
    return ProcessesSut(parts) if may_fork else UnbatchedSut(parts)


def _infer(parts: SutParts, pending: PendingBatch) -> None:
    samples = parts.samples
    answer = parts.backend.prepare(samples.batch(pending.indices, pending.length))()
    parts.respond(pending.ids, answer, None if samples.lengths is None else samples.lengths[pending.indices])
    parts.watchdog.done(len(pending.ids))
