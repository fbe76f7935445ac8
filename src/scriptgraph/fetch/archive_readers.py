"""Read archives as streams of members: tar in several compressions, zip, single compressed files."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE, FOLDER, SYMLINK, HARDLINK = "file", "folder", "symbolic link", "hard link"
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
_LONGEST_HEADER_BYTES = 1 << 20
_LONG_HEADERS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_ENCRYPTED = 0x1


class ArchiveRefused(Exception):  # noqa: N818 - it reads as the event it is
    """An archive cannot be read, or a member is unsafe; the text is the reason, a predicate."""


@dataclass(frozen=True)
class Member:
    """A member of an archive of any format.

    Attributes:
        name: the name in the archive.
        kind: FILE, FOLDER, SYMLINK or HARDLINK; any other text names a kind that is refused.
        target: the target of a link.
        executable: whether the owner may execute it; all other mode bits are ignored.
        open: opens the content; None unless the member is a file.
    """

    name: str
    kind: str
    target: str = ""
    executable: bool = False
    open: Callable[[], IO[bytes]] | None = None


@contextmanager
def damage_as_refusal() -> Iterator[None]:
    """Turn the readers' exceptions for damaged archives into `ArchiveRefused`."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise ArchiveRefused(f"is damaged or incomplete ({_one_line(error)})") from error
    except NotImplementedError as error:
        raise ArchiveRefused(f"uses a zip feature that Python lacks ({_one_line(error)})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # gzip and bz2 raise OSError without errno for damage.
        raise ArchiveRefused(f"is damaged ({_one_line(error)})") from error


def read_members(archive: Path) -> Iterator[Member]:
    """Read an archive's members in order; read a member's content before the next member.

    Raises:
        ArchiveRefused: the archive is encrypted or of an unknown kind.
        Exception: the archive is damaged; `damage_as_refusal` handles the exceptions.
    """
    with archive.open("rb") as packed:
        start = packed.read(8)
    kind = next((name for magic, name in _MAGIC if start.startswith(magic)), "")
    if kind == "zip":
        yield from _zip(archive)
        return
    if kind in {"7z", "rar"}:
        raise ArchiveRefused(f"is a {kind} archive, which is not supported; repack it as .tar.gz or .zip")
    with _open(archive, kind) as stream:
        block, is_tar = stream.read(tarfile.BLOCKSIZE), False
        stream.seek(0)
        with suppress(tarfile.HeaderError):
            is_tar = bool(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape"))
        named_tar = any(suffix in _TAR_SUFFIXES for suffix in archive.suffixes)
        # An empty tar consists of zeros, like the start of many other files: its name decides.
        if is_tar or (named_tar and block == bytes(tarfile.BLOCKSIZE)):
            yield from _tar(stream)
        elif named_tar:
            raise ArchiveRefused("is damaged: its content is not a tar archive")
        elif kind:
            yield Member(archive.stem, FILE, open=lambda: stream)
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


class _Header(tarfile.TarInfo):
    """A tar header with a limit on its extensions, which tarfile reads into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > _LONGEST_HEADER_BYTES:
            raise ArchiveRefused(f"has a header with a size of {header.size:,} bytes")
        return header


def _tar(stream: IO[bytes]) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header, errors="surrogateescape") as tar:
        last = ""
        for entry in tar:
            last = entry.name
            kind, content = _TAR_KINDS.get(entry.type, f"member of the unknown type {entry.type!r}"), None
            if entry.isreg():  # includes contiguous and sparse files
                kind, content = FILE, cast("Callable[[], IO[bytes]]", partial(tar.extractfile, entry))
            yield Member(entry.name, kind, entry.linkname, bool(entry.mode & stat.S_IXUSR), content)
            tar.members.clear()  # type: ignore[attr-defined] # tarfile would keep 1 kB for each member
        # tarfile mistakes a damaged header for the end; the real end is a block of zeros.
        stream.seek(tar.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ArchiveRefused(f"is damaged or incomplete after member {last!r}")


def _zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            if entry.flag_bits & _ENCRYPTED:
                raise ArchiveRefused("is encrypted; unpack it with its password and name the folder")
            mode = entry.external_attr >> 16
            kind, target, content = "device, pipe or socket", "", None
            if stat.S_ISLNK(mode) and entry.file_size <= _LONGEST_HEADER_BYTES:
                kind, target = SYMLINK, packed.read(entry).decode("utf-8", "surrogateescape")
            elif entry.is_dir():
                kind = FOLDER
            elif stat.S_IFMT(mode) in {0, stat.S_IFREG}:
                kind, content = FILE, cast("Callable[[], IO[bytes]]", partial(packed.open, entry))
            # zipfile truncates a name at a NUL; the original name reveals it.
            name = entry.orig_filename if "\0" in entry.orig_filename else entry.filename
            yield Member(name, kind, target, bool(mode & stat.S_IXUSR), content)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
