"""Stamps of files: the fields of `stat` that differ when a file has changed."""

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

# No program can set the change time: it reveals an edit that keeps size and modification time.
_fields = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size", "st_ino")
STAMP_BYTES = struct.calcsize("4Q")
# Never equal to a file's stamp: a file with this stamp is read again.
UNSETTLED = bytes(STAMP_BYTES)
# A file changed this recently may change again within one tick of its file system's clock.
_SETTLES_NS = 2_000_000_000


def stamps(paths: Iterable[str], folder: int | None = None) -> bytes:
    """Return the concatenated stamps of files, `STAMP_BYTES` each.

    The paths are relative to the open folder with the descriptor `folder`, or to the working directory.

    Raises:
        OSError: a file is absent.
        struct.error: a file has a time or an inode number outside 64 bits.
    """
    look = os.stat if folder is None else partial(os.stat, dir_fd=folder)
    numbers = tuple(chain.from_iterable(map(_fields, map(look, paths))))
    return struct.pack(f"{len(numbers)}Q", *numbers)


def settled_stamp(path: str, folder: int | None = None) -> bytes:
    """Return the stamp of a file that is about to be read, or `UNSETTLED` if it was changed too recently.

    Raises:
        OSError: the file is absent.
    """
    fields = _fields(os.stat(path, dir_fd=folder))
    if max(fields[:2]) > time.time_ns() - _SETTLES_NS:
        return UNSETTLED
    try:
        return struct.pack("4Q", *fields)
    except struct.error:
        return UNSETTLED
