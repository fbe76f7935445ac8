"""Read the members of a zip, with limits where zipfile has none."""

from __future__ import annotations

import bz2
import io
import stat
import zipfile
import zlib
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.fetch.archive_limits import ArchiveRefused
from scriptgraph.fetch.archive_members import CHUNK_BYTES, FILE, FOLDER, SYMLINK, Member, read_content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# zipfile unpacks LZMA without a limit: 4 KiB become up to 28 MB.
_LZMA_CHUNK_BYTES = 1 << 12
_LONGEST_TARGET_BYTES = 1 << 12
# The table of contents of a zip, for each member: 46 bytes, its name, and extra fields.
_ZIP_ENTRY_BYTES = 160
_ENCRYPTED = 0x1


def read_zip(archive: Path, most_members: int) -> Iterator[Member]:
    """Read a zip's members in the order of its table of contents.

    Raises:
        ArchiveRefused: the zip is encrypted, or its table is much longer than `most_members` need.
        Exception: the zip is damaged; read it within `parser_faults`.
    """
    with _ZipFile(archive, most_members) as file, zipfile.ZipFile(file) as packed:
        for entry in packed.infolist():
            yield _member(packed, entry)


def _member(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveRefused("is encrypted; unpack it with its password and name the folder")
    mode = entry.external_attr >> 16
    kind, target, content = "device, pipe or socket", "", None
    if stat.S_ISLNK(mode):
        if entry.file_size > _LONGEST_TARGET_BYTES:
            raise ArchiveRefused(f"has a link with a target of {entry.file_size:,} bytes")
        kind, target = SYMLINK, b"".join(_read(packed, entry)).decode("utf-8", "surrogateescape")
    elif entry.is_dir():
        kind = FOLDER
    elif stat.S_IFMT(mode) in {0, stat.S_IFREG}:
        kind, content = FILE, partial(_read, packed, entry)
    # zipfile truncates a name at a NUL; the original name reveals it.
    name = entry.orig_filename if "\0" in entry.orig_filename else entry.filename
    return Member(name, kind, target, bool(mode & stat.S_IXUSR), content)


def _read(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    if entry.compress_type == zipfile.ZIP_BZIP2:
        return _bzip2(packed, entry)
    chunk_bytes = _LZMA_CHUNK_BYTES if entry.compress_type == zipfile.ZIP_LZMA else CHUNK_BYTES
    return read_content(partial(packed.open, entry), chunk_bytes)


class _ZipFile(io.FileIO):
    """A zip whose table of contents has a limit; zipfile reads it at once, and a kilobyte in memory for each member."""

    def __init__(self, archive: Path, most_members: int) -> None:
        super().__init__(archive, "rb")
        self._longest = max(CHUNK_BYTES, most_members * _ZIP_ENTRY_BYTES)

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self._longest:
            raise ArchiveRefused(f"has a table of contents of {size:,} bytes")
        return super().read(-1 if size is None else size)


def _bzip2(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Read a member that is packed by bzip2; zipfile would unpack it without a limit, 1 kB to 1 GB at once."""
    stored = copy(entry)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, entry.compress_size
    del stored.CRC  # that of the unpacked content
    checksum = size = 0
    for chunk in read_content(lambda: bz2.BZ2File(packed.open(stored))):
        checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
        if size > entry.file_size:
            break
        yield chunk
    if (checksum, size) != (entry.CRC, entry.file_size):
        raise ArchiveRefused("is damaged (wrong size or checksum)")
