"""Unpack an archive into a folder: all of it, checked, or nothing.

An archive is somebody else's list of paths. Each rule here refuses what could write
outside the folder, overwrite, or fill the disk; the whole archive is refused with it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.archive_readers import (
    FILE,
    FOLDER,
    HARDLINK,
    SYMLINK,
    Member,
    Refused,
    damage_in_words,
    read_members,
)
from scriptgraph.fetch.failures import DiskFailed, of_disk

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 1 << 20
_LONGEST_PATH = 1024


class ArchiveError(ScriptGraphError):
    """An archive is damaged, of an unknown kind, or not safe to unpack.

    Attributes:
        archive: the archive.
        member: the member at fault; empty if it is the whole.
        problem: what is wrong.
    """

    def __init__(self, archive: Path, member: str, problem: str) -> None:
        super().__init__(archive, member, problem)
        self.archive, self.member, self.problem = archive, member, problem

    def __str__(self) -> str:
        where = f", member {self.member!r}" if self.member else ""
        return f"{self.archive}{where}: {self.problem}; nothing was unpacked"


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to.

    Attributes:
        members: files, folders and links.
        total_bytes: the content of all files together.
        ratio: unpacked bytes per packed byte, once more than `free_bytes` are unpacked.
            XZ reaches 7,000 on zeros; a model pruned by 95 % about 35.
        free_bytes: below this the ratio is not looked at.
    """

    members: int = 200_000
    total_bytes: int = 64 << 30
    ratio: float = 400.0
    free_bytes: int = 256 << 20


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
    writer = _Writer(Path(beside), _Inventory(packed_bytes, limits))
    try:
        writer.write_all(archive)
        writer.root.chmod(0o755)
        writer.root.replace(destination)
    except (Refused, DiskFailed) as problem:
        raise ArchiveError(archive, writer.member, str(problem)) from problem
    except OSError as error:
        raise ArchiveError(archive, writer.member, _of_os(error)) from error
    finally:
        shutil.rmtree(writer.root, ignore_errors=True)
    return tuple(destination / path for path in writer.written)


@dataclass
class _Inventory:
    """What has been accepted so far: one archive's paths and their kinds, and the bytes written.

    Attributes:
        packed_bytes: the archive's own size.
        limits: how much may be unpacked.
        kinds: accepted paths.
        written_bytes: content written so far.
    """

    packed_bytes: int
    limits: Limits
    kinds: dict[PurePosixPath, str] = field(default_factory=dict)
    written_bytes: int = 0
    _seen: int = 0

    def accept(self, member: Member) -> PurePosixPath | None:
        """Return the path, relative to the folder, where a member goes; None for the folder itself.

        Raises:
            Refused: it may not be written.
        """
        self._seen += 1
        if self._seen > self.limits.members:
            raise Refused(f"there are more than {self.limits.members:,} members")
        if member.kind not in {FILE, FOLDER, SYMLINK, HARDLINK}:
            raise Refused(f"it is a {member.kind}, which no dataset or model needs")
        path = _safe_path(member.name)
        if not path.parts:
            if member.kind != FOLDER:
                raise Refused(f"a {member.kind} cannot take the place of the folder itself")
            return None
        for folder in path.parents[:-1]:
            if self.kinds.setdefault(folder, FOLDER) != FOLDER:
                raise Refused(f"it lies below {folder}, which is a {self.kinds[folder]}")
        earlier = self.kinds.get(path)
        if earlier is not None and (earlier, member.kind) != (FOLDER, FOLDER):
            raise Refused("the name occurs twice")
        if member.kind == HARDLINK and self.kinds.get(_safe_path(member.target)) != FILE:
            raise Refused(f"it links to {member.target}, which is no file earlier in the archive")
        if member.kind == SYMLINK and PurePosixPath(member.target).is_absolute():
            raise Refused(f"it links to the absolute path {member.target}")
        self.kinds[path] = member.kind
        return path

    def count(self, written_bytes: int) -> None:
        """Add to the bytes written.

        Raises:
            Refused: a limit is passed.
        """
        self.written_bytes += written_bytes
        if self.written_bytes > self.limits.total_bytes:
            raise Refused(f"the archive unpacks to more than {self.limits.total_bytes:,} bytes")
        if self.written_bytes > self.limits.free_bytes and self.written_bytes > self.limits.ratio * self.packed_bytes:
            raise Refused(
                f"the archive unpacks to more than {self.limits.ratio:g} times its {self.packed_bytes:,} bytes"
            )


class _Writer:
    """Writes an archive's members below a folder that nobody else knows of."""

    def __init__(self, root: Path, inventory: _Inventory) -> None:
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
        _check_links(self.root, list(self._links))

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
            os.link(self.root / _safe_path(member.target), place)
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


def _safe_path(name: str) -> PurePosixPath:
    """Read a member's name as a path below the folder.

    Raises:
        Refused: it is absolute, climbs, or has characters that do not belong there.
    """
    if not name:
        raise Refused("it has no name")
    if "\0" in name or "\\" in name:
        raise Refused("its name has a backslash or a NUL, which mean different things to different programs")
    path = PurePosixPath(name)
    if path.is_absolute():
        raise Refused("its path is absolute")
    if ".." in path.parts:
        raise Refused("its path climbs out with '..'")
    if len(name) > _LONGEST_PATH:
        raise Refused("its path is too long")
    return path


def _check_links(root: Path, links: list[PurePosixPath]) -> None:
    """Check that every symbolic link, all of them being in place, ends within the folder.

    Raises:
        Refused: one leads out, or in a circle.
    """
    whole = root.resolve()
    for link in links:
        try:
            end = (root / link).resolve()
        except (OSError, RuntimeError):  # a circle, before Python 3.13
            end = root / link
        if end.is_symlink():
            raise Refused(f"the link {link} leads in a circle")
        if not end.is_relative_to(whole):
            raise Refused(f"the link {link} leads out of the folder")
