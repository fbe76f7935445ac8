"""The process of a stream: it reads groups of samples from a pipe, infers them, and reports them on another pipe.

The process is forked after loading and shares the samples' pages with the other streams. Sample indices and answers are
in memory files, at the samples' positions in the run. A message on a pipe has the position and the size of a group.
Messages are short, so that thousands fit into a pipe and neither side wakes for each of them. They are below PIPE_BUF,
so that several processes can read and write whole messages on the same pipes (pipe(7)).
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.runs.trial import StreamFailure
from mlperf_home.engines.base import BackendError
from mlperf_home.harness.child import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.engines.base import Forkable, Prepared

# As the size of a group: the process is ready, and the position is the duration of an inference in ns.
READY = 0

_MESSAGE = struct.Struct("=2Q")
MESSAGE_BYTES = _MESSAGE.size
_ITEM_BYTES = 4
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the file in memory is unlinked at once
_FAILED = 1
_MOST_CHARACTERS = 300
_WARM_UP_RUNS = 3


class SharedNumbers:
    """An array of 32-bit numbers in an unnamed memory file, which forks share; `name` is shown in /proc."""

    def __init__(self, name: str, kind: type[np.uint32 | np.float32]) -> None:
        self._kind = kind
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create(name)
        else:
            # Pythons built against an old C library lack memfd_create; uv's did until 2026.
            self._file, path = tempfile.mkstemp(dir=_SHARED_MEMORY, prefix=f"mlperf-home-{name}-")
            os.unlink(path)  # noqa: PTH108 - beside the descriptor's other calls

    def write(self, position: int, values: Sequence[float]) -> None:
        """Write values from `position` on.

        Raises:
            OSError: the memory is full.
        """
        content = np.array(values, dtype=self._kind).tobytes()
        if os.pwrite(self._file, content, _ITEM_BYTES * position) < len(content):
            raise OSError(f"only part of {len(content)} bytes fit into memory")

    def read(self, position: int, count: int) -> NDArray[Any]:
        """Return `count` numbers from `position` on, (count,)."""
        return np.frombuffer(os.pread(self._file, _ITEM_BYTES * count, _ITEM_BYTES * position), dtype=self._kind)

    def close(self) -> None:
        """Close the file; the memory is released when the forks have closed it too."""
        os.close(self._file)


def write_message(pipe: int, position: int, count: int) -> None:
    """Write a message; wait while the pipe is full.

    Raises:
        BrokenPipeError: all readers have closed the pipe.
    """
    os.write(pipe, _MESSAGE.pack(position, count))


def unpack_messages(messages: bytes) -> Iterator[tuple[int, int]]:
    """Return the position and the count of each message in the bytes of one read."""
    return _MESSAGE.iter_unpack(messages)


@dataclass(frozen=True)
class StreamPipes:
    """The pipes and the shared memory of a stream's process.

    Attributes:
        issued: the pipe of issued groups, whose end ends the process.
        indices: the samples' indices by position.
        completed: the pipe of completed groups.
        answers: the samples' answers by position.
        failed: the pipe of failures, in JSON.
        parent_ends: the parent's ends of the pipes; left open, they would keep the processes alive without the parent.
    """

    issued: int
    indices: SharedNumbers
    completed: int
    answers: SharedNumbers
    failed: int
    parent_ends: Sequence[int]


@dataclass(frozen=True)
class StreamProcess:
    """The stream's number, from 0, its parent's process number, and its logical CPUs, or None for the parent's."""

    stream: int
    parent: int
    cpus: Collection[int] | None


def serve_stream(
    backend: Forkable, prepared: Mapping[int, Prepared], process: StreamProcess, pipes: StreamPipes, *, outputs: bool
) -> NoReturn:
    """Infer one stream's groups until the pipe of issued groups ends, then exit.

    Args:
        backend: the open engine.
        prepared: the loaded samples by index.
        process: the identity of this process.
        pipes: the pipes and the shared memory.
        outputs: whether to write the answers, (1,) float32 each.
    """
    try:
        die_with_parent(process.parent)
        if process.cpus is not None:
            os.sched_setaffinity(0, process.cpus)
        for descriptor in pipes.parent_ends:
            os.close(descriptor)
        prepared = backend.keep_stream(process.stream, prepared)
        write_message(pipes.completed, _warm_up_ns(prepared), READY)
        while message := os.read(pipes.issued, MESSAGE_BYTES):
            for position, count in unpack_messages(message):
                indices = pipes.indices.read(position, count).tolist()
                if outputs:
                    pipes.answers.write(position, [prepared[index]()()[0] for index in indices])
                else:
                    for index in indices:
                        prepared[index]()
                write_message(pipes.completed, position, count)
    except BaseException as error:  # noqa: BLE001 - the parent reports it
        os.write(pipes.failed, _failure(error))
        os._exit(_FAILED)
    # Skip the interpreter's shutdown, in which engines are known to crash.
    os._exit(0)


def read_failure(content: bytes) -> BaseException | None:
    """Return the first failure in the bytes of the failure pipe, or None."""
    if not content:
        return None
    failure = parse_document(content.splitlines()[0], StreamFailure, "the stream's process")
    if failure.of_engine:
        return BackendError(failure.text)
    return RuntimeError(f"{failure.text}\n{failure.traceback}")


def _warm_up_ns(prepared: Mapping[int, Prepared]) -> int:
    """Infer a sample a few times and return the last duration; the first calls after a fork copy memory pages."""
    infer = next(iter(prepared.values()))
    start_ns = 0
    for _ in range(_WARM_UP_RUNS):
        start_ns = time.perf_counter_ns()
        infer()
    return time.perf_counter_ns() - start_ns


def _failure(error: BaseException) -> bytes:
    of_engine = isinstance(error, BackendError)
    text = str(error) if of_engine else f"{type(error).__name__}: {error}"
    where = "".join(traceback.format_exception(error))
    # Short enough to stay below PIPE_BUF with any characters.
    short = text[:_MOST_CHARACTERS], where[-_MOST_CHARACTERS:]
    return to_line(StreamFailure(of_engine=of_engine, text=short[0], traceback=short[1])).encode() + b"\n"
