"""Locks on open files, shared or exclusive; the kernel drops them when their process ends, even if it is killed."""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def acquire(
    file: IO[str] | IO[bytes] | int, *, shared: bool = False, wait: bool = False, inherited: bool = True
) -> bool:
    """Lock an open file or folder, exclusively or `shared`; closing it unlocks.

    An `inherited` lock is held by forked children too (flock). Otherwise it belongs to this process alone (lockf), and
    the file must be writable.

    Returns:
        False if another holds it; always True with `wait`.

    Raises:
        OSError: the file system has no locks (ENOLCK).
    """
    lock = fcntl.flock if inherited else fcntl.lockf
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    if wait:
        lock(file, kind)
        return True
    try:
        lock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(file: IO[str] | IO[bytes] | int, path: Path) -> bool:
    """Whether an open file is still the one at `path`; its last holder may have moved or removed it."""
    try:
        return os.path.samestat(os.fstat(file if isinstance(file, int) else file.fileno()), path.stat())
    except FileNotFoundError:
        return False
