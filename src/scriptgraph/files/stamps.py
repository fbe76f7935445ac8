"""Stamps of files: what `stat` says of them, by which a later look tells whether they have changed."""

from __future__ import annotations

import os
import struct
import time
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The change time cannot be set by a program: it betrays an edit that keeps size and modification time.
_fields = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size", "st_ino")
STAMP_BYTES = struct.calcsize("4Q")
# Never equal to a file's stamp: what has it is read again.
UNSETTLED = bytes(STAMP_BYTES)
# A file that was changed this short before it was read may be changed again within one tick of its file system's clock.
_SETTLES_NS = 2_000_000_000


def stamps(paths: Iterable[str], folder: int | None = None) -> bytes:
    """Return the stamps of files one after the other, as fast as this language can.

    The paths are relative to an open folder, by its descriptor, or to ours.

    Raises:
        OSError: one is not there.
        struct.error: one has a time or a number that no stamp can hold.
    """
    look = os.stat if folder is None else partial(os.stat, dir_fd=folder)
    numbers = tuple(chain.from_iterable(map(_fields, map(look, paths))))
    return struct.pack(f"{len(numbers)}Q", *numbers)


def settled_stamp(path: str, folder: int | None = None) -> bytes:
    """Return the stamp of a file that is about to be read, or `UNSETTLED` where it could change without a trace.

    Raises:
        OSError: it is not there.
    """
    fields = _fields(os.stat(path, dir_fd=folder))
    if max(fields[:2]) > time.time_ns() - _SETTLES_NS:
        return UNSETTLED
    try:
        return struct.pack("4Q", *fields)
    except struct.error:
        return UNSETTLED
