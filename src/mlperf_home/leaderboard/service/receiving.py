"""One incomplete upload in the hands of a connection."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 1 << 20


class Receiving:
    """An open file that grows, and its place once it is whole."""

    def __init__(self, file: BinaryIO, path: Path, target: Path, digest: str) -> None:
        self._file, self._path, self._target, self._digest = file, path, target, digest

    @property
    def size(self) -> int:
        """The number of bytes that have arrived."""
        return self._file.seek(0, os.SEEK_END)

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raise OSError if the disk is full."""
        self._file.write(chunk)

    def flush(self) -> None:
        """Hand all bytes to the kernel. Raise OSError if the disk is full."""
        self._file.flush()

    def restart(self) -> None:
        """Forget the bytes that have arrived."""
        self._file.truncate(0)

    def discard(self) -> None:
        """Remove all that has arrived."""
        self._path.unlink(missing_ok=True)

    def accept(self) -> bool:
        """Put the whole upload into the queue, on the disk; remove it and return False if its digest is another."""
        self._file.flush()
        if self._own_digest() != self._digest:
            self.discard()
            return False
        os.fsync(self._file.fileno())
        self._path.replace(self._target)
        sync_folder(self._target.parent)
        return True

    def _own_digest(self) -> str:
        found = hashlib.sha256()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            found.update(chunk)
        return found.hexdigest()
