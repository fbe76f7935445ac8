"""Unpack an archive into a folder: all of it, checked, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scriptgraph.fetch.archive_members import (
    FOLDER,
    SYMLINK,
    ArchiveError,
    Inventory,
    Limits,
    Member,
    MemberRefused,
    check_links,
    safe_path,
)
from scriptgraph.fetch.archive_readers import Unreadable, damage_in_words, read_members
from scriptgraph.fetch.failures import DiskFailed, of_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePosixPath

__all__ = ["ArchiveError", "Limits", "extract"]

_CHUNK_BYTES = 1 << 20
_NO_LIMITS = Limits()


def extract(archive: Path, destination: Path, limits: Limits = _NO_LIMITS) -> tuple[Path, ...]:
    """Unpack an archive; the folder appears in one step when all of it has been written.

    Of the members' modes only the owner's right to execute is kept. A single compressed
    file (model.onnx.xz) becomes a file of that name in the folder.

    Args:
        archive: a tar (plain, gzip, xz, bzip2; Zstandard where Python has it), a zip, or one
            compressed file. Its content tells which.
        destination: the folder-to-be; it may exist if it is empty.
        limits: how much may be unpacked.

    Returns:
        The files and links, in the archive's order.

    Raises:
        ArchiveError: the archive is damaged, of another kind, or has a member that is not
            safe; or the destination cannot be written.
    """
    if destination.is_dir() and any(destination.iterdir()):
        raise ArchiveError(archive, "", f"{destination} is there already and is not empty")
    try:
        packed_bytes = archive.stat().st_size
        destination.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent)
    except OSError as error:
        raise ArchiveError(archive, "", _of_os(error)) from error
    writer = _Writer(Path(beside), Inventory(packed_bytes, limits))
    try:
        writer.write_all(archive)
        writer.root.chmod(0o755)
        writer.root.replace(destination)
    except (Unreadable, MemberRefused, DiskFailed) as problem:
        raise ArchiveError(archive, writer.member, str(problem)) from problem
    except OSError as error:
        raise ArchiveError(archive, writer.member, _of_os(error)) from error
    finally:
        shutil.rmtree(writer.root, ignore_errors=True)
    return tuple(destination / path for path in writer.written)


class _Writer:
    """Writes an archive's members below a folder that nobody else knows of."""

    def __init__(self, root: Path, inventory: Inventory) -> None:
        self.root, self._inventory = root, inventory
        self.written: list[PurePosixPath] = []
        self.member = ""
        self._links: dict[PurePosixPath, str] = {}

    def write_all(self, archive: Path) -> None:
        with damage_in_words():
            for member in read_members(archive):
                self.member = member.name
                self._write(member)
        self.member = ""
        # Links come last, so that nothing can be written through one.
        for path, target in self._links.items():
            (self.root / path).symlink_to(target)
        check_links(self.root, list(self._links))

    def _write(self, member: Member) -> None:
        path = self._inventory.accept(member)
        if path is None:
            return
        place = self.root / path
        if member.kind == FOLDER:
            place.mkdir(parents=True, exist_ok=True)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == SYMLINK:
            self._links[path] = member.target
        elif member.open is not None:
            self._copy(member.open, place)
            if member.executable:
                place.chmod(0o755)
        else:
            os.link(self.root / safe_path(member.target), place)
        self.written.append(path)

    def _copy(self, opened: Callable[[], IO[bytes]], place: Path) -> None:
        with opened() as content, place.open("xb") as file:
            while chunk := content.read(_CHUNK_BYTES):
                self._inventory.count(len(chunk))
                try:
                    file.write(chunk)
                except OSError as error:
                    raise of_disk(error, str(self.root.parent)) from error


def _of_os(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not an archive"
    return f"{error.filename or 'it'} cannot be used ({error.strerror or error})"
