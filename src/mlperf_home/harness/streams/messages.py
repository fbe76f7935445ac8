"""What goes between a run and its streams' processes: which samples to infer, and what they answered.

The samples' numbers lie in files in memory, at the samples' positions in the run; what goes through the pipes is where
a group of them starts, and how many there are. Such a message is short, so that thousands wait in a pipe and neither
side has to be woken for each, and it is below PIPE_BUF, so that several processes may read and write the same pipes:
each takes or leaves whole messages (pipe(7)).
"""

from __future__ import annotations

import os
import struct
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

# In the place of a group's size: the process is ready, and says how many ns an inference takes.
READY = 0

_MESSAGE = struct.Struct("=2Q")
MESSAGE_BYTES = _MESSAGE.size
_ITEM_BYTES = 4
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - it is memory, and the file has no name there


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
