"""Systems under test: what happens between LoadGen's query and its completion.

Nothing here knows LoadGen: a query is ids of responses and indices of samples, and completion is a callable.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import Forkable
from mlperf_home.harness.queries.parts import LoadingSut, PreparingSut, Work, buckets, groups, plan
from mlperf_home.harness.queries.streams import ProcessesSut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.contracts.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.harness.queries.parts import Parts, SystemUnderTest

# Completed together by `EachSut`: many enough to cost nothing.
_LARGEST_GROUP = 16


class DirectSut(PreparingSut):
    """SingleStream: infers in the issuing thread, with nothing in between."""

    streams_as = "caller"

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Infer the query's one sample and complete it.

        Every line counts: after an inference has emptied the caches each takes microseconds, and the latency has
        them all. So what can be done when samples are loaded is done there.
        """
        parts = self._parts
        try:
            parts.watchdog.expect_one()
            infer, lengths = self._prepared[indices[0]]
            parts.respond(ids, infer(), lengths)
            parts.watchdog.done_one()
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)

    def stop(self) -> None:
        """Nothing to end."""


class _Workers:
    """The threads that call the engine, as many as the grid has streams; their work is queued, or taken elsewhere."""

    def __init__(
        self, parts: Parts, infer: Callable[[Work], None], take: Callable[[], Work | None] | None = None
    ) -> None:
        self._fail = parts.fail
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.put = self._queue.put
        self._next_work = take or self._queue.get
        self._infer = infer
        self._threads = [
            threading.Thread(target=self._run, name=f"stream-{stream}", daemon=True)
            for stream in range(parts.grid.streams)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for _ in self._threads:
            self.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while (work := self._next_work()) is not None:
                self._infer(work)
        except BaseException as error:  # noqa: BLE001 - a worker that ends without a word hangs LoadGen
            self._fail(error)


class QueuedSut(LoadingSut):
    """Offline and MultiStream: each query is sorted, batched and spread over the streams."""

    streams_as = "threads"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._workers = _Workers(parts, partial(_infer, parts))
        self.stop = self._workers.stop

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Queue the query's batches."""
        parts = self._parts
        parts.watchdog.expect(len(ids))
        try:
            for work in split_query(ids, indices, parts.samples, parts.grid):
                self._workers.put(work)
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)


class EachSut(PreparingSut):
    """Offline and MultiStream where samples have no length and are inferred one by one, as images are, by threads.

    Between two inferences a stream does next to nothing: what it did would be done with the interpreter's lock held,
    which the other streams need as well. So samples are arranged when they are loaded, and completed a few at a time.
    """

    streams_as = "threads"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._workers = _Workers(parts, self._infer)
        self.stop = self._workers.stop

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Queue the query's samples, in groups."""
        parts = self._parts
        parts.watchdog.expect(len(ids))
        try:
            for start, end in groups(len(ids), parts.grid.streams, _LARGEST_GROUP):
                self._workers.put(Work(None, ids[start:end], np.array(indices[start:end], dtype=np.intp)))
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)

    def _infer(self, work: Work) -> None:
        prepared = self._prepared
        answers = [prepared[index][0]() for index in work.indices.tolist()]
        self._parts.respond(work.ids, lambda: np.concatenate([answer() for answer in answers]), None)
        self._parts.watchdog.done(len(work.ids))


class ServerSut(LoadingSut):
    """Server: a free stream takes the oldest sample and those of its bucket that wait with it."""

    streams_as = "threads"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        lengths, grid = parts.samples.lengths, parts.grid
        self._bucket = None if lengths is None else buckets(lengths, grid).tolist()
        # One line per bucket; entries are (arrival, id, index), so that the oldest head is found at once.
        self._waiting: list[deque[tuple[int, int, int]]] = [deque() for _ in grid.batch_sizes]
        self._arrivals = 0
        self._stopped = False
        self._changed = threading.Condition()
        self._workers = _Workers(parts, partial(_infer, parts), self._take)

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Put the query's samples in line."""
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

    def _take(self) -> Work | None:
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
        return Work(grid.lengths[k] if grid.lengths else None, [entry[1] for entry in taken], indices)


def split_query(ids: Sequence[int], indices: Sequence[int], samples: Samples, grid: Grid) -> list[Work]:
    """Make a query's batches, the longest first."""
    rows = np.array(indices, dtype=np.intp)
    lengths = None if samples.lengths is None else samples.lengths[rows]
    return [
        Work(batch.length, [ids[position] for position in batch.positions.tolist()], rows[batch.positions])
        for batch in plan(lengths, len(ids), grid)
    ]


def make_sut(scenario: str, parts: Parts) -> SystemUnderTest:
    """Build the system under test of a scenario."""
    if scenario == "SingleStream":
        return DirectSut(parts)
    if scenario == "Server":
        return ServerSut(parts)
    if parts.samples.lengths is not None or parts.grid.batch_sizes != (1,):
        return QueuedSut(parts)
    several = scenario == "Offline" and parts.grid.streams > 1
    may_fork = several and isinstance(parts.backend, Forkable) and parts.backend.fork_safe()
    return ProcessesSut(parts) if may_fork else EachSut(parts)


def _infer(parts: Parts, work: Work) -> None:
    samples = parts.samples
    answer = parts.backend.prepare(samples.batch(work.indices, work.length))()
    parts.respond(work.ids, answer, None if samples.lengths is None else samples.lengths[work.indices])
    parts.watchdog.done(len(work.ids))
