"""Locks of the cache's keys: one who makes an entry, many who use it, nobody while it is removed.

The system drops them when a process ends, however it ends. A key has two files: `KEY.lock` is held
alone while its entry is made, `KEY.use` is shared by the runs that use it, and its time says when one
last did. Both are held alone while the entry is removed.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Another user's cache may be there to read only, and without locks: what it holds is used all the same.
_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT})


class KeyLocks:
    """The locks below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, int] = {}

    @contextmanager
    def making(self, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for the key, and hold it while its entry is made; `waiting` is called where it is not free."""
        with (self.folder / f"{key}.lock").open("a") as handle:
            if not locks.acquire(handle):
                waiting()
                locks.acquire(handle, wait=True)
            yield

    def hold(self, key: str) -> None:
        """Keep the key's entry from being removed until `release`."""
        if key in self._held:
            return
        handle = _opened(self._use_file(key))
        if handle is not None:
            locks.acquire(handle, shared=True, wait=True)
            self._held[key] = handle

    def release(self) -> None:
        """Let go of all that is held; the time is that of its last use."""
        while self._held:
            _, handle = self._held.popitem()
            with suppress(OSError):  # another user's file, which is not ours to change
                os.utime(handle)
            os.close(handle)

    @contextmanager
    def alone(self, key: str) -> Iterator[bool]:
        """Hold the key alone, without waiting; False where somebody makes or uses its entry."""
        with ExitStack() as opened:
            files = (self.folder / f"{key}.lock", self._use_file(key))
            yield all(locks.acquire(opened.enter_context(path.open("a"))) for path in files)

    def used_ns(self, key: str) -> int | None:
        """Return when a run last used the key's entry, in Unix time; None where that is not known."""
        try:
            return self._use_file(key).stat().st_mtime_ns
        except OSError:
            return None

    def _use_file(self, key: str) -> Path:
        return self.folder / f"{key}.use"


def _opened(path: Path) -> int | None:
    for way in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            return os.open(path, way, 0o666)
        except OSError as error:  # noqa: PERF203 - there are two ways
            if error.errno not in _READ_ONLY:
                raise
    return None
