"""A stream's own process: takes groups of samples from a pipe, infers them, and says so on another.

Messages have one size and are below PIPE_BUF, so that several processes may read and write the same pipes: each takes
or leaves whole messages (pipe(7)). It is forked with the samples in memory, and shares their pages with the others.
"""

from __future__ import annotations

import json
import os
import struct
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from mlperf_home.backends.base import BackendError
from mlperf_home.harness.lifeline import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.backends.base import Forkable, Prepared

LARGEST_GROUP = 256
# A group's number, how many samples it has, and their indices.
ASKED = struct.Struct(f"={2 + LARGEST_GROUP}I")
# A group's number, how many samples it has, and the answer to each: 0 where none is asked for.
ANSWERED = struct.Struct(f"=2I{LARGEST_GROUP}f")
# Where an answer's numbers start.
HEAD_BYTES = 8
# The number of no group: the process is ready, and its answer is how many seconds an inference takes.
READY = 2**32 - 1

FAILED = 1
_MOST_CHARACTERS = 300
_WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Ends:
    """What a stream's process holds of the pipes, and those ends of its parent's that it has to close.

    Attributes:
        asked: groups are read from it; its end ends the process.
        answered: answers are written to it.
        failed: the reason of a failure is written to it, as JSON.
        others: the parent's ends: one that stayed open here would keep the processes alive without the parent.
    """

    asked: int
    answered: int
    failed: int
    others: Sequence[int]


def work(
    backend: Forkable, prepared: Mapping[int, Prepared], stream: int, ends: Ends, parent: int, *, outputs: bool
) -> NoReturn:
    """Serve one stream until the pipe of groups ends, and end this process.

    Args:
        backend: the engine, open.
        prepared: the samples that are loaded, by index.
        stream: which stream this is, from 0.
        ends: the pipes.
        parent: the parent's process number.
        outputs: whether answers are asked for: (1,) float32 each.
    """
    try:
        die_with_parent(parent)
        for descriptor in ends.others:
            os.close(descriptor)
        backend.keep_stream(stream)
        os.write(ends.answered, ANSWERED.pack(READY, 1, *_filled([_warm_up(prepared)])))
        while message := os.read(ends.asked, ASKED.size):
            number, count, *indices = ASKED.unpack(message)
            values = _infer(prepared, indices[:count], outputs=outputs)
            os.write(ends.answered, ANSWERED.pack(number, count, *_filled(values)))
    except BaseException as error:  # noqa: BLE001 - the parent says it
        os.write(ends.failed, _failure(error))
        os._exit(FAILED)
    # Without the interpreter's end, as the parent does: engines are known to crash in it.
    os._exit(0)


def read_failure(content: bytes) -> BaseException | None:
    """Give what the first process that failed said; None where none said anything."""
    if not content:
        return None
    said = json.loads(content.splitlines()[0])
    if said["of_engine"]:
        return BackendError(said["text"])
    return RuntimeError(f"{said['text']}\n{said['traceback']}")


def _infer(prepared: Mapping[int, Prepared], indices: Sequence[int], *, outputs: bool) -> Sequence[float]:
    if outputs:
        return [float(prepared[index]()()[0]) for index in indices]
    for index in indices:
        prepared[index]()
    return ()


def _warm_up(prepared: Mapping[int, Prepared]) -> float:
    """Run some sample, since the first calls after a fork copy the pages they write; give the last one's seconds."""
    infer = next(iter(prepared.values()))
    start_s = 0.0
    for _ in range(_WARM_UP_RUNS):
        start_s = time.perf_counter()
        infer()
    return time.perf_counter() - start_s


def _filled(values: Sequence[float]) -> Sequence[float]:
    return (*values, *(0.0,) * (LARGEST_GROUP - len(values)))


def _failure(error: BaseException) -> bytes:
    of_engine = isinstance(error, BackendError)
    text = str(error) if of_engine else f"{type(error).__name__}: {error}"
    where = "".join(traceback.format_exception(error))
    # Below PIPE_BUF, whatever the characters are.
    said = {"of_engine": of_engine, "text": text[:_MOST_CHARACTERS], "traceback": where[-_MOST_CHARACTERS:]}
    return json.dumps(said).encode() + b"\n"


def answers_of(messages: bytes, start: int, count: int) -> NDArray[np.float32]:
    """Give the answers of the message that starts at byte `start`, (count,) float32."""
    return np.frombuffer(messages, dtype=np.float32, count=count, offset=start + HEAD_BYTES)
