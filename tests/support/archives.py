"""Build archives of any kind of member, and unpack them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.fetch.archive import ArchiveError, extract
from scriptgraph.fetch.archive_limits import UnpackLimits

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"weights " * 1000


class Tar:
    """Builds a tar archive with any kind of member."""

    def __init__(self, path: Path, mode: Any = "w") -> None:
        self.path = path
        self._tar = tarfile.open(path, mode)  # noqa: SIM115 - done() closes it

    def add(self, name: str, content: bytes = b"x", *, kind: bytes = tarfile.REGTYPE, **fields: Any) -> Tar:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.size = len(content) if kind == tarfile.REGTYPE else 0
        for field, value in fields.items():
            setattr(entry, field, value)
        self._tar.addfile(entry, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
        return self

    def link(self, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Tar:
        return self.add(name, kind=kind, linkname=target)

    def done(self) -> Path:
        self._tar.close()
        return self.path


class Zip:
    """Builds a zip archive."""

    def __init__(self, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
        self.path = path
        self._zip = zipfile.ZipFile(path, "w", compression)

    def add(self, name: str, content: bytes = b"x", mode: int = 0) -> Zip:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = self._zip.compression
        entry.external_attr = mode << 16
        self._zip.writestr(entry, content)
        return self

    def done(self) -> Path:
        self._zip.close()
        return self.path


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return everything below a folder: content of files, targets of links, "" for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else ""
    return found


def refused(archive: Path, limits: UnpackLimits = UnpackLimits()) -> str:  # noqa: B008 - frozen
    """Return the error of unpacking an archive; no file may remain in the destination or beside it."""
    destination = archive.parent / "unpacked" / "here"
    with pytest.raises(ArchiveError) as failure:
        extract(archive, destination, limits)
    assert not destination.parent.exists() or list(destination.parent.iterdir()) == []
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith(str(archive))
    return str(failure.value)
