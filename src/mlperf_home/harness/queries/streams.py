"""Offline with a process for each stream.

Threads share Python's lock. A small model's call takes tens of microseconds, and what Python does between two calls a
few: streams wait for each other, the longer the more of them there are. Processes do not (docs/decisions/0016).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.engines.engine import cores_cpus
from mlperf_home.harness.queries.parts import PreparingSut, groups
from mlperf_home.harness.queries.stream import MESSAGE_BYTES, Ends, Numbers, Place, read_failure, tell, told, work

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from multiprocessing.context import ForkProcess

    from mlperf_home.engines.base import Forkable, Prepared
    from mlperf_home.harness.queries.parts import Parts

# A group takes at most about as long: what is done for each is little beside it.
_LARGEST_GROUP_NS = 32_000_000
# And at least about as long, at the end of a query, where one stream waits for another.
_SMALLEST_GROUP_NS = 1_000_000
# Two groups of this size are completed before LoadGen's log, of 1,024 entries a thread, is emptied.
_LARGEST_GROUP = 500
_READ_BYTES = MESSAGE_BYTES * 256
_FAILURE_BYTES = 4096


class Streams:
    """The processes, the pipes to and from them, and the two threads that listen."""

    def __init__(self, parts: Parts, prepared: dict[int, Prepared], cpus: Sequence[Collection[int] | None]) -> None:
        self._parts = parts
        self._ids: dict[int, Sequence[int]] = {}
        self._asked_for = 0
        self._group_sizes = _LARGEST_GROUP, 1
        self._stopping = False
        (asked, self._ask), (self._answers, answered), (self._failures, failed) = os.pipe(), os.pipe(), os.pipe()
        self._indices, self._given = Numbers("indices", np.uint32), Numbers("answers", np.float32)
        others = self._ask, self._answers, self._failures
        ends = Ends(asked, self._indices, answered, self._given, failed, others)
        context: Any = multiprocessing.get_context("fork")
        self._processes: list[ForkProcess] = [
            context.Process(
                target=work,
                args=(cast("Forkable", parts.backend), prepared, Place(stream, os.getpid(), cpus[stream]), ends),
                kwargs={"outputs": parts.outputs},
                name=f"stream-{stream}",
                daemon=True,
            )
            for stream in range(len(cpus))
        ]
        try:
            for process in self._processes:
                process.start()
        finally:
            for descriptor in (asked, answered, failed):
                os.close(descriptor)
        self._by_end: dict[Any, ForkProcess] = {process.sentinel: process for process in self._processes}
        self._threads = [
            threading.Thread(target=self._run, args=(listen,), name=f"streams-{listen.__name__}", daemon=True)
            for listen in (self._complete, self._guard)
        ]

    def wait_until_ready(self) -> None:
        """Return when every process has warmed up; raise why one ended instead."""
        taken_ns: list[int] = []
        while len(taken_ns) < len(self._processes):
            for which in wait([self._answers, *self._by_end]):
                if which in self._by_end:
                    raise self._reason(self._by_end[which])
                taken_ns += [ns for ns, _ in told(os.read(self._answers, _READ_BYTES))]
        largest, smallest = (
            max(1, min(_LARGEST_GROUP, group_ns // max(taken_ns)))
            for group_ns in (_LARGEST_GROUP_NS, _SMALLEST_GROUP_NS)
        )
        self._group_sizes = largest, smallest
        for thread in self._threads:
            thread.start()

    def ask(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Write the query's groups to the pipe; waits while it is full."""
        first, self._asked_for = self._asked_for, self._asked_for + len(ids)
        for start, end in groups(len(ids), len(self._processes), *self._group_sizes):
            position = first + start
            self._ids[position] = ids[start:end]
            self._indices.write(position, indices[start:end])
            try:
                tell(self._ask, position, end - start)
            except BrokenPipeError:
                # Every process has ended: the guard says why.
                return

    def stop(self) -> None:
        """End the processes; nothing may be outstanding."""
        self._stopping = True
        os.close(self._ask)
        for process in self._processes:
            process.join()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        os.close(self._answers)
        os.close(self._failures)
        self._indices.close()
        self._given.close()

    def _run(self, listen: Any) -> None:
        try:
            listen()
        except BaseException as error:  # noqa: BLE001 - a thread that ends without a word hangs LoadGen
            self._parts.fail(error)

    def _complete(self) -> None:
        """Complete what the processes answer, until all have closed the pipe."""
        respond, done, ids = self._parts.respond, self._parts.watchdog.done, self._ids
        while messages := os.read(self._answers, _READ_BYTES):
            for position, count in told(messages):
                respond(ids.pop(position), partial(self._given.read, position, count), None)
                done(count)

    def _guard(self) -> None:
        """Wait for a process to end before its time."""
        first = wait(list(self._by_end))[0]
        if not self._stopping:
            raise self._reason(self._by_end[first])

    def _reason(self, process: ForkProcess) -> BaseException:
        process.join()
        os.set_blocking(self._failures, False)
        with suppress(BlockingIOError):
            if (said := read_failure(os.read(self._failures, _FAILURE_BYTES))) is not None:
                return said
        status = process.exitcode or 0
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return HarnessError(
            ExitStatus.KILLED,
            f"the process of {process.name} ended {how}: the machine ran out of memory, somebody killed it, or the "
            "engine crashed",
        )


class ProcessesSut(PreparingSut):
    """Offline where samples are inferred one by one: processes that live while samples are loaded."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._streams: Streams | None = None
        # A physical core for each stream where there are as many. Else they stay where they are put: the parent wakes
        # for every group; a stream that made way for it would move, and share the core of another.
        cores, streams = cores_cpus(), parts.grid.streams
        self._cpus: Sequence[Collection[int] | None] = cores if len(cores) == streams else [None] * streams
        self.streams_as = "processes" if None in self._cpus else "processes, a core each"

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory, arrange each, and fork: the processes find them where they are."""
        self.stop()
        super().load(indices)
        try:
            prepared = {index: infer for index, (infer, _) in self._prepared.items()}
            self._streams = Streams(self._parts, prepared, self._cpus)
            self._streams.wait_until_ready()
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def unload(self, indices: Sequence[int]) -> None:
        """End the processes and release the samples."""
        self.stop()
        super().unload(indices)

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Hand the query's samples to the processes, in groups."""
        self._parts.watchdog.expect(len(ids))
        try:
            cast("Streams", self._streams).ask(ids, indices)
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def stop(self) -> None:
        """End the processes, when nothing is outstanding."""
        if self._streams is not None:
            self._streams.stop()
            self._streams = None
