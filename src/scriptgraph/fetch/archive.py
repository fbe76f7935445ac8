"""Unpack an archive into a folder: all of it, checked, or nothing.

An archive is somebody else's list of paths. Each rule here refuses what could write
outside the folder, overwrite, or fill the disk; the whole archive is refused with it.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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

_CHUNK_BYTES = 1 << 20
_LONGEST_PATH = 1024


class ArchiveError(ScriptGraphError):
    """An archive, or if named a member of it, is damaged, of an unknown kind, or not safe to unpack."""

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


def extract(archive: Path, destination: Path, limits: Limits = Limits()) -> tuple[Path, ...]:
    """Unpack an archive; the folder appears in one step when all of it has been written.

    The archive is a tar (plain, gzip, xz, bzip2; Zstandard where Python has it), a zip, or one compressed file, which
    becomes a file of its name without the suffix (model.onnx.xz); its content tells which. Of the members' modes only
    the owner's right to execute is kept. The destination may exist if it is empty.

    Returns:
        The files and links, in the archive's order.

    Raises:
        ArchiveError: the archive is damaged, of another kind, or has a member that is not safe; or the destination
            cannot be written.
    """
    if destination.is_dir() and any(destination.iterdir()):
        raise ArchiveError(archive, "", f"{destination} is there already and is not empty")
    unpacking = _Unpacking(limits)
    try:
        unpacking.packed_bytes = archive.stat().st_size
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{destination.name}.", dir=destination.parent, ignore_cleanup_errors=True
        ) as beside:
            unpacking.write_all(archive, Path(beside))
            Path(beside).chmod(0o755)
            Path(beside).replace(destination)
    except (Refused, DiskFailed) as problem:
        raise ArchiveError(archive, unpacking.member, str(problem)) from problem
    except FileNotFoundError as error:
        raise ArchiveError(archive, unpacking.member, "it is not there") from error
    except IsADirectoryError as error:
        raise ArchiveError(archive, unpacking.member, "it is a folder, not an archive") from error
    except OSError as error:
        words = f"{error.filename or 'it'} cannot be used ({error.strerror or error})"
        raise ArchiveError(archive, unpacking.member, words) from error
    return tuple(destination / path for path in unpacking.written)


class _Unpacking:
    """One archive on its way into a folder that nobody else knows of.

    Attributes:
        packed_bytes: the archive's own size.
        member: the name of the member at hand; empty between members.
        written: the files and links so far, relative to the folder.
    """

    packed_bytes = 0
    member = ""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.written: list[PurePosixPath] = []
        self._kinds: dict[PurePosixPath, str] = {}
        self._links: dict[PurePosixPath, str] = {}
        self._members = self._bytes = 0

    def write_all(self, archive: Path, root: Path) -> None:
        with damage_in_words():
            for member in read_members(archive):
                self.member = member.name
                path = self._accepted(member)
                if path is not None:
                    self._write(member, path, root)
        self.member = ""
        # Links come last, so that nothing can be written through one.
        for path, target in self._links.items():
            (root / path).symlink_to(target)
        for path in self._links:
            try:
                end = (root / path).resolve()
            except (OSError, RuntimeError):  # a circle, before Python 3.13
                end = root / path
            if end.is_symlink():
                raise Refused(f"the link {path} leads in a circle")
            if not end.is_relative_to(root.resolve()):
                raise Refused(f"the link {path} leads out of the folder")

    def _accepted(self, member: Member) -> PurePosixPath | None:
        """Return the path, relative to the folder, where a member goes; None for the folder itself.

        Raises:
            Refused: it may not be written.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise Refused(f"there are more than {self._limits.members:,} members")
        if member.kind not in {FILE, FOLDER, SYMLINK, HARDLINK}:
            raise Refused(f"it is a {member.kind}, which no dataset or model needs")
        path = _safe_path(member.name)
        if not path.parts:
            if member.kind != FOLDER:
                raise Refused(f"a {member.kind} cannot take the place of the folder itself")
            return None
        for folder in path.parents[:-1]:
            if self._kinds.setdefault(folder, FOLDER) != FOLDER:
                raise Refused(f"it lies below {folder}, which is a {self._kinds[folder]}")
        earlier = self._kinds.get(path)
        if earlier is not None and (earlier, member.kind) != (FOLDER, FOLDER):
            raise Refused("the name occurs twice")
        if member.kind == HARDLINK and self._kinds.get(_safe_path(member.target)) != FILE:
            raise Refused(f"it links to {member.target}, which is no file earlier in the archive")
        if member.kind == SYMLINK and PurePosixPath(member.target).is_absolute():
            raise Refused(f"it links to the absolute path {member.target}")
        self._kinds[path] = member.kind
        return path

    def _write(self, member: Member, path: PurePosixPath, root: Path) -> None:
        place = root / path
        if member.kind == FOLDER:
            place.mkdir(parents=True, exist_ok=True)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == SYMLINK:
            self._links[path] = member.target
        elif member.open is None:
            os.link(root / _safe_path(member.target), place)
        else:
            with member.open() as content, place.open("xb") as file:
                while chunk := content.read(_CHUNK_BYTES):
                    self._count(len(chunk))
                    try:
                        file.write(chunk)
                    except OSError as error:
                        raise of_disk(error, str(root.parent)) from error
            if member.executable:
                place.chmod(0o755)
        self.written.append(path)

    def _count(self, written_bytes: int) -> None:
        limits = self._limits
        self._bytes += written_bytes
        if self._bytes > limits.total_bytes:
            raise Refused(f"the archive unpacks to more than {limits.total_bytes:,} bytes")
        if self._bytes > limits.free_bytes and self._bytes > limits.ratio * self.packed_bytes:
            raise Refused(f"the archive unpacks to more than {limits.ratio:g} times its {self.packed_bytes:,} bytes")


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
