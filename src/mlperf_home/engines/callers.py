"""The threads that call an engine: their streams, and the logical CPUs that they keep to."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_caller = threading.local()


def become_stream(stream: int, cpus: Collection[int] | None = None) -> None:
    """Make this thread the only caller of a stream, numbered from 0, and keep it on `cpus`."""
    _caller.stream = stream
    if cpus:
        os.sched_setaffinity(0, cpus)


def stream_of_caller() -> int | None:
    """Return the stream of this thread, or None for a thread of no stream."""
    stream: int | None = getattr(_caller, "stream", None)
    return stream


@contextmanager
def kept_on(cpus: Collection[int]) -> Iterator[None]:
    """Keep this thread on `cpus` for the block: threads that it starts stay there, and its memory is of their node."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
