"""A stream's own process: takes groups of samples from a pipe, infers them, and says so on another.

It is forked with the samples in memory, and shares their pages with the others. The numbers of samples and answers lie
in files in memory, at the samples' positions in the run; what goes through the pipes is where a group of them starts,
and how many there are. Such a message is short, so that thousands wait in a pipe and neither side has to be woken for
each, and it is below PIPE_BUF, so that several processes may read and write the same pipes: each takes or leaves whole
messages (pipe(7)).
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.harness.child import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.engines.base import Forkable, Prepared

# In the place of a group's size: the process is ready, and says how many ns an inference takes.
READY = 0

_MESSAGE = struct.Struct("=2Q")
MESSAGE_BYTES = _MESSAGE.size
_ITEM_BYTES = 4
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - it is memory, and the file has no name there
_FAILED = 1
_MOST_CHARACTERS = 300
_WARM_UP_RUNS = 3


class Numbers:
    """Numbers of one kind, of 32 bits, in memory, by position, which forks share: a file without a name.

    The system shows `name` for it.
    """

    def __init__(self, name: str, kind: type[np.uint32 | np.float32]) -> None:
        self._kind = kind
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create(name)
        else:
            # Pythons that were built against an old C library lack it; uv's did until 2026.
            self._file, path = tempfile.mkstemp(dir=_SHARED_MEMORY, prefix=f"mlperf-home-{name}-")
            os.unlink(path)  # noqa: PTH108 - beside the descriptor's other calls

    def write(self, position: int, values: Sequence[float]) -> None:
        """Put values where `position` is the first one's; raise OSError if the memory has no room for them."""
        content = np.array(values, dtype=self._kind).tobytes()
        if os.pwrite(self._file, content, _ITEM_BYTES * position) < len(content):
            raise OSError(f"only part of {len(content)} bytes could be kept in memory")

    def read(self, position: int, count: int) -> NDArray[Any]:
        """Return what was written, (count,)."""
        return np.frombuffer(os.pread(self._file, _ITEM_BYTES * count, _ITEM_BYTES * position), dtype=self._kind)

    def close(self) -> None:
        """Release the memory, when the forks have done so too."""
        os.close(self._file)


def tell(pipe: int, position: int, count: int) -> None:
    """Write a message, waiting while the pipe is full; raise BrokenPipeError if nobody reads any more."""
    os.write(pipe, _MESSAGE.pack(position, count))


def told(messages: bytes) -> Iterator[tuple[int, int]]:
    """Return position and count of each message; `messages` is what one reading of a pipe gave."""
    return _MESSAGE.iter_unpack(messages)


@dataclass(frozen=True)
class Ends:
    """What a stream's process holds of the pipes, and those ends of its parent's that it has to close.

    Groups are read from `asked`, whose end ends the process, and written to `answered` when they are done; their
    samples' indices and answers are in memory. The reason of a failure is written to `failed`, as JSON. One of the
    parent's `others` that stayed open here would keep the processes alive without the parent.
    """

    asked: int
    indices: Numbers
    answered: int
    answers: Numbers
    failed: int
    others: Sequence[int]


@dataclass(frozen=True)
class Place:
    """The stream's number, from 0, its parent's process number, and its logical CPUs; None for all of the parent's."""

    stream: int
    parent: int
    cpus: Collection[int] | None


def work(backend: Forkable, prepared: Mapping[int, Prepared], place: Place, ends: Ends, *, outputs: bool) -> NoReturn:
    """Serve one stream until the pipe of groups ends, and end this process.

    The engine is open; `prepared` has the loaded samples by index. `outputs`: whether answers, (1,) float32 each, are
    asked for.
    """
    try:
        die_with_parent(place.parent)
        if place.cpus is not None:
            os.sched_setaffinity(0, place.cpus)
        for descriptor in ends.others:
            os.close(descriptor)
        prepared = backend.keep_stream(place.stream, prepared)
        tell(ends.answered, _warm_up_ns(prepared), READY)
        while message := os.read(ends.asked, MESSAGE_BYTES):
            for position, count in told(message):
                indices = ends.indices.read(position, count).tolist()
                if outputs:
                    ends.answers.write(position, [prepared[index]()()[0] for index in indices])
                else:
                    for index in indices:
                        prepared[index]()
                tell(ends.answered, position, count)
    except BaseException as error:  # noqa: BLE001 - the parent says it
        os.write(ends.failed, _failure(error))
        os._exit(_FAILED)
    # Without the interpreter's end, as the parent does: engines are known to crash in it.
    os._exit(0)


def read_failure(content: bytes) -> BaseException | None:
    """Return what the first process that failed said; None where none said anything."""
    if not content:
        return None
    said = json.loads(content.splitlines()[0])
    if said["of_engine"]:
        return BackendError(said["text"])
    return RuntimeError(f"{said['text']}\n{said['traceback']}")


def _warm_up_ns(prepared: Mapping[int, Prepared]) -> int:
    """Run some sample, since the first calls after a fork copy the pages they write; give what the last one took."""
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
    # Below PIPE_BUF, whatever the characters are.
    said = {"of_engine": of_engine, "text": text[:_MOST_CHARACTERS], "traceback": where[-_MOST_CHARACTERS:]}
    return json.dumps(said).encode() + b"\n"
