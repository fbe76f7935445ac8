"""The SUT for Offline with a process for each stream.

Threads share Python's lock. A call of a small model takes tens of microseconds and the Python code between two calls a
few, so that threads wait for each other, the longer the more streams there are. Processes do not wait
(docs/decisions/0016).
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

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.harness.queries.parts import PreparingSut, groups
from mlperf_home.harness.queries.stream import (
    MESSAGE_BYTES,
    SharedNumbers,
    StreamPipes,
    StreamProcess,
    read_failure,
    serve_stream,
    unpack_messages,
    write_message,
)
from mlperf_home.machine.cpu.placement import node_count, place_streams, read_cores

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from multiprocessing.context import ForkProcess

    from mlperf_home.engines.base import Forkable, Prepared
    from mlperf_home.harness.queries.parts import SutParts

# The approximate duration of the largest groups; the overhead of a group is small beside it.
_LARGEST_GROUP_NS = 32_000_000
# The approximate duration of the smallest groups, for which streams wait at the end of a query.
_SMALLEST_GROUP_NS = 1_000_000
# Two groups of this size fit into LoadGen's log of 1,024 entries per thread.
_LARGEST_GROUP = 500
_READ_BYTES = MESSAGE_BYTES * 256
_FAILURE_BYTES = 4096


class Streams:
    """The processes, the pipes to and from them, and two threads: one completes groups, one detects failures."""

    def __init__(self, parts: SutParts, prepared: dict[int, Prepared], cpus: Sequence[Collection[int] | None]) -> None:
        self._parts = parts
        self._ids: dict[int, Sequence[int]] = {}
        self._issued = 0
        self._group_sizes = _LARGEST_GROUP, 1
        self._stopping = False
        issued, self._issue_end = os.pipe()
        self._completions, completed = os.pipe()
        self._failures, failed = os.pipe()
        self._indices, self._answers = SharedNumbers("indices", np.uint32), SharedNumbers("answers", np.float32)
        parent_ends = self._issue_end, self._completions, self._failures
        pipes = StreamPipes(issued, self._indices, completed, self._answers, failed, parent_ends)
        context: Any = multiprocessing.get_context("fork")
        self._processes: list[ForkProcess] = [
            context.Process(
                target=serve_stream,
                args=(
                    cast("Forkable", parts.backend),
                    prepared,
                    StreamProcess(stream, os.getpid(), cpus[stream]),
                    pipes,
                ),
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
            for descriptor in (issued, completed, failed):
                os.close(descriptor)
        self._by_end: dict[Any, ForkProcess] = {process.sentinel: process for process in self._processes}
        self._threads = [
            threading.Thread(target=self._run, args=(listen,), name=f"streams-{listen.__name__}", daemon=True)
            for listen in (self._complete, self._guard)
        ]

    def wait_until_ready(self) -> None:
        """Wait until every process has warmed up; raise the reason if one ends instead."""
        taken_ns: list[int] = []
        while len(taken_ns) < len(self._processes):
            for which in wait([self._completions, *self._by_end]):
                if which in self._by_end:
                    raise self._reason(self._by_end[which])
                taken_ns += [ns for ns, _ in unpack_messages(os.read(self._completions, _READ_BYTES))]
        largest, smallest = (
            max(1, min(_LARGEST_GROUP, group_ns // max(taken_ns)))
            for group_ns in (_LARGEST_GROUP_NS, _SMALLEST_GROUP_NS)
        )
        self._group_sizes = largest, smallest
        for thread in self._threads:
            thread.start()

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Write the query's groups to the pipe; wait while it is full."""
        first, self._issued = self._issued, self._issued + len(ids)
        for start, end in groups(len(ids), len(self._processes), *self._group_sizes):
            position = first + start
            self._ids[position] = ids[start:end]
            self._indices.write(position, indices[start:end])
            try:
                write_message(self._issue_end, position, end - start)
            except BrokenPipeError:
                # Every process has ended; the guard thread reports the reason.
                return

    def stop(self) -> None:
        """End the processes and threads; no samples may be outstanding."""
        self._stopping = True
        os.close(self._issue_end)
        for process in self._processes:
            process.join()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        os.close(self._completions)
        os.close(self._failures)
        self._indices.close()
        self._answers.close()

    def _run(self, listen: Any) -> None:
        try:
            listen()
        except BaseException as error:  # noqa: BLE001 - a thread that ends silently hangs LoadGen
            self._parts.fail(error)

    def _complete(self) -> None:
        """Complete the samples of finished groups until all processes have closed the pipe."""
        respond, done, ids = self._parts.respond, self._parts.watchdog.done, self._ids
        while messages := os.read(self._completions, _READ_BYTES):
            for position, count in unpack_messages(messages):
                respond(ids.pop(position), partial(self._answers.read, position, count), None)
                done(count)

    def _guard(self) -> None:
        """Raise the reason when a process ends before `stop`."""
        first = wait(list(self._by_end))[0]
        if not self._stopping:
            raise self._reason(self._by_end[first])

    def _reason(self, process: ForkProcess) -> BaseException:
        process.join()
        os.set_blocking(self._failures, False)
        with suppress(BlockingIOError):
            if (failure := read_failure(os.read(self._failures, _FAILURE_BYTES))) is not None:
                return failure
        status = process.exitcode or 0
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return HarnessError(
            ExitStatus.KILLED,
            f"the process of {process.name} {how}: the machine ran out of memory, the process was killed, or the "
            "engine crashed; free memory, or try another engine",
        )


class ProcessesSut(PreparingSut):
    """The SUT for Offline without batches: its processes infer single samples, and live while samples are loaded."""

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self._streams: Streams | None = None
        # Streams are pinned to physical cores if their numbers match. The parent wakes for every group, and an unpinned
        # stream that makes way for it would move to the core of another stream. On a machine with several nodes, an
        # unpinned stream would move away from its memory.
        cores, streams = read_cores(), parts.grid.streams
        self._cpus: Sequence[Collection[int] | None] = [None] * streams
        self.streams_as = "processes"
        if len(cores) == streams or node_count(cores) > 1:
            self._cpus = place_streams(cores, streams)
            self.streams_as = f"processes, a {'core' if streams <= len(cores) else 'CPU'} each"

    def load(self, indices: Sequence[int]) -> None:
        """Load and prepare the samples, then fork the processes, which share them."""
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
            cast("Streams", self._streams).issue(ids, indices)
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def stop(self) -> None:
        """End the processes; no samples may be outstanding."""
        if self._streams is not None:
            self._streams.stop()
            self._streams = None
