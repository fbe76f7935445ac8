"""Atomic writes: a reader sees the old file or the new one, never part of one."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO

from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A counter and the process id together make a name that no other thread or process uses.
_numbers = count()


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` when the block ends without an error.

    The bytes are synced to disk before the rename, and the folder after it. The new file keeps the permissions of the
    old one. After an error `path` is unchanged and no temporary file remains. Safe for threads and processes.

    Raises:
        OSError: the folder is absent or cannot be written.
    """
    descriptor = None
    while descriptor is None:
        partial = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.partial")
        with suppress(FileExistsError):
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        if path.exists():
            partial.chmod(path.stat().st_mode & 0o777)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; raises like `replacement`."""
    with replacement(path) as file:
        file.write(content)


def replace_text(path: Path, text: str) -> None:
    """Write a file atomically as UTF-8; raises like `replacement`."""
    replace_bytes(path, text.encode("utf-8"))


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed writers of `path` left; no other process may be writing it."""
    from glob import escape  # noqa: PLC0415 - most commands remove no leftovers

    for leftover in path.parent.glob(f".{escape(path.name)}.*.partial"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LockedJson:
    """A small JSON object on disk that several processes read and change, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """Return the object; an empty one if the file is absent or unreadable."""
        try:
            document = read_json(self.path, paths=True)
        except DocumentError:
            return {}
        return document if isinstance(document, dict) else {}

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the object in place while holding its lock."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as handle:
            locks.acquire(handle, wait=True)
            document = self.read()
            change(document)
            replace_bytes(self.path, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
