"""Read archives as streams of members: tar in several compressions, zip, single compressed files."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import stat
import tarfile
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, cast

from scriptgraph.fetch.archive_limits import ArchiveRefused
from scriptgraph.fetch.archive_members import FILE, FOLDER, HARDLINK, SYMLINK, Member, Readable, read_content
from scriptgraph.fetch.zip_members import read_zip
from scriptgraph.files.forward_stream import ForwardStream
from scriptgraph.files.parser_faults import parser_faults
from scriptgraph.files.tar_reader import BoundedTar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
)
_TAR_SUFFIXES = (".tar", ".tgz", ".txz", ".tbz2", ".tbz", ".tzst")
_TAR_KINDS = {
    tarfile.DIRTYPE: FOLDER,
    tarfile.SYMTYPE: SYMLINK,
    tarfile.LNKTYPE: HARDLINK,
    tarfile.FIFOTYPE: "named pipe",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
}


def read_members(archive: Path, most_members: int, count: Callable[[int], None]) -> Iterator[Member]:
    """Read an archive's members in order; read a member's content before the next member.

    Args:
        archive: the archive.
        most_members: the most members that are of use; a much longer table of contents is not read.
        count: called with each number of bytes that are read or skipped in a compressed stream; raises to stop.

    Raises:
        ArchiveRefused: the archive is damaged, encrypted or of an unknown kind.
        OSError: the archive cannot be read.
    """
    with archive.open("rb") as packed:
        start = packed.read(8)
    kind = next((name for magic, name in _MAGIC if start.startswith(magic)), "")
    if kind in {"7z", "rar"}:
        raise ArchiveRefused(f"is a {kind} archive, which is not supported; repack it as .tar.gz or .zip")
    members = read_zip(archive, most_members) if kind == "zip" else _stream(archive, kind, count)
    while True:
        with parser_faults(ArchiveRefused):
            member = next(members, None)
        if member is None:
            return
        yield member


def _stream(archive: Path, compression: str, count: Callable[[int], None]) -> Iterator[Member]:
    with ForwardStream(_open(archive, compression), count, plain=not compression) as stream:
        block, is_tar = stream.peek(tarfile.BLOCKSIZE), False
        with suppress(tarfile.HeaderError):
            is_tar = bool(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape"))
        named_tar = any(suffix in _TAR_SUFFIXES for suffix in archive.suffixes)
        # An empty tar consists of zeros, like the start of many other files: its name decides.
        if is_tar or (named_tar and block == bytes(tarfile.BLOCKSIZE)):
            yield from _tar(stream, compressed=bool(compression))
        elif named_tar:
            raise ArchiveRefused("is damaged: its content is not a tar archive")
        elif compression:
            yield Member(archive.stem, FILE, content=partial(read_content, lambda: stream))
        else:
            raise ArchiveRefused("is not a supported archive (tar, zip; gz, xz, bz2 or zst of a tar or a single file)")


def _open(archive: Path, compression: str) -> IO[bytes]:
    """Open the decompressed content; Zstandard needs Python 3.14's module or its backport."""
    if compression == "zstd":
        for name in ("compression.zstd", "backports.zstd"):
            with suppress(ImportError):
                return cast("IO[bytes]", importlib.import_module(name).open(archive, "rb"))
        raise ArchiveRefused(
            "Zstandard needs Python 3.14 or the package backports.zstd; install one, or decompress it with `zstd -d`"
        )
    openers: dict[str, Callable[[Path, str], Any]] = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}
    return cast("IO[bytes]", openers.get(compression, open)(archive, "rb"))


def _tar(stream: ForwardStream, *, compressed: bool) -> Iterator[Member]:
    with BoundedTar(stream) as tar:
        for entry in tar:
            kind, content = _TAR_KINDS.get(entry.type, f"member of the unknown type {entry.type!r}"), None
            if entry.isreg():  # includes contiguous and sparse files
                kind, content = (
                    FILE,
                    partial(read_content, cast("Callable[[], Readable]", partial(tar.extractfile, entry))),
                )
            yield Member(entry.name, kind, entry.linkname, bool(entry.mode & stat.S_IXUSR), content)
        if compressed:
            tar.read_padding()
