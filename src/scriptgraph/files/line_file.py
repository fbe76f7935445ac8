"""Files of lines that only grow: a batch is appended whole or not at all, even if its writer is killed.

A batch of several lines is announced in a file beside it, with the size before. A later writer cuts what an announced
batch has left, and a last line without its end; readers ignore both.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_REST_BYTES = 1 << 20
# Most lines are short, and each append looks for the end of the last.
_TAIL_BYTES = 1 << 14
# The digits of the largest size of a file.
_MOST_DIGITS = 19


def read_lines(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """Yield lines with their ends; a line above `most_bytes` is cut to one byte more, so that reading it fails."""
    while line := file.readline(most_bytes + 2):
        yield line
        while not line.endswith(b"\n") and (line := file.readline(_REST_BYTES)):
            pass


def append_whole(file: BinaryIO, content: bytes) -> None:
    """Append bytes to an open and locked file; all of them are on the disk, or the file is as before.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    descriptor, end = file.fileno(), file.seek(0, os.SEEK_END)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except BaseException:
        os.ftruncate(descriptor, end)
        raise


def mend_last_line(file: BinaryIO, is_whole: Callable[[bytes], bool]) -> bytes:
    """End the last line if only its end is missing, else cut it; return what was cut."""
    size = file.seek(0, os.SEEK_END)
    start = _end_of_lines(file, size)
    file.seek(start)
    tail = file.read()
    if tail and is_whole(tail):
        append_whole(file, b"\n")
        return b""
    if tail:
        file.truncate(start)
    return tail


def _end_of_lines(file: BinaryIO, size: int) -> int:
    """Return the place after the last line end of the first `size` bytes."""
    end = size
    while end:
        start = max(0, end - _TAIL_BYTES)
        file.seek(start)
        if (found := file.read(end - start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0


class LineFile:
    """A file of lines that several processes append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._announcement = path.with_name(f".{path.name}.appending")

    @contextmanager
    def held(self) -> Iterator[BinaryIO]:
        """Open and lock the file for a writer, without the batch of a killed one; create it if it is absent.

        Raises:
            OSError: the file cannot be written.
        """
        with self.path.open("a+b") as file:
            locks.acquire(file, wait=True)
            if (size := self._announced()) is not None:
                if size < file.seek(0, os.SEEK_END):
                    file.truncate(size)
                    os.fsync(file.fileno())
                self._settle()
            yield file

    def append(self, file: BinaryIO, lines: Sequence[bytes]) -> None:
        """Append lines, which have their ends, to the held file: all or none.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        if len(lines) == 1:  # Its end makes it whole.
            append_whole(file, lines[0])
        elif lines:
            replace_text(self._announcement, f"{file.seek(0, os.SEEK_END)}\n")
            # After an error the announcement stays: the file is as before, and the next writer removes it.
            append_whole(file, b"".join(lines))
            self._settle()

    def size(self) -> int:
        """Return the size of all whole batches in bytes; 0 if the file is absent.

        Raises:
            OSError: the file cannot be read.
        """
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            with suppress(OSError):  # a file system without locks
                locks.acquire(file, shared=True, wait=True)
            size, announced = file.seek(0, os.SEEK_END), self._announced()
            return size if announced is None else min(size, announced)

    def _announced(self) -> int | None:
        try:
            with self._announcement.open("rb") as file:
                text = file.read(_MOST_DIGITS + 2).strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else None

    def _settle(self) -> None:
        self._announcement.unlink(missing_ok=True)
        sync_folder(self.path.parent)
