"""Unpack an archive into a folder: all of its members, or none.

The paths in an archive are untrusted. A member that could write outside the folder,
overwrite a file or fill the disk is refused, and the whole archive with it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePosixPath

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.archive_limits import DEFAULT_LIMITS, ArchiveRefused, ByteCount, UnpackLimits
from scriptgraph.fetch.archive_members import FILE, FOLDER, HARDLINK, SYMLINK, Member
from scriptgraph.fetch.archive_readers import read_members
from scriptgraph.fetch.failures import DiskFailed, disk_failure
from scriptgraph.files.parser_faults import printable

_LONGEST_PATH, _MOST_FOLDERS = 1024, 100


class ArchiveError(ScriptGraphError):
    """An archive or one of its members is damaged, of an unknown kind, or unsafe to unpack.

    Attributes:
        archive: the archive's path.
        member: the member's name; empty if the problem is the archive's.
        problem: the problem in words.
    """

    def __init__(self, archive: Path, member: str, problem: str) -> None:
        super().__init__(archive, member, problem)
        self.archive, self.member, self.problem = archive, member, problem

    def __str__(self) -> str:
        member = f", member {self.member!r}" if self.member else ""
        return f"{self.archive}{member}: {printable(self.problem)}; nothing was unpacked"


def extract(archive: Path, destination: Path, limits: UnpackLimits = DEFAULT_LIMITS) -> tuple[Path, ...]:
    """Unpack an archive; the folder appears in one step after all members are written.

    Supported are tar (plain, gzip, xz, bzip2, and Zstandard if Python has it), zip, and a single compressed file,
    which is unpacked under its name without the suffix (model.onnx.xz). The kind is detected from the content. Of a
    member's mode only the owner's execute bit is kept. The destination may exist if it is empty.

    Returns:
        The files and links, in the archive's order.

    Raises:
        ArchiveError: the archive is damaged, of another kind, or has an unsafe member; or the destination cannot be
            written.
    """
    if destination.is_dir() and any(destination.iterdir()):
        raise ArchiveError(archive, "", f"{destination} is not empty; name another folder")
    unpacking = _Unpacking(limits)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{destination.name}.", dir=destination.parent, ignore_cleanup_errors=True
        ) as temporary:
            unpacking.write_all(archive, Path(temporary))
            Path(temporary).chmod(0o755)
            Path(temporary).replace(destination)
    except (ArchiveRefused, DiskFailed) as error:
        raise ArchiveError(archive, unpacking.member, str(error)) from error
    except FileNotFoundError as error:
        raise ArchiveError(archive, unpacking.member, "does not exist") from error
    except IsADirectoryError as error:
        raise ArchiveError(archive, unpacking.member, "is a folder, not an archive") from error
    except OSError as error:
        problem = f"{error.filename or 'the archive'} cannot be read or written ({error.strerror or error})"
        raise ArchiveError(archive, unpacking.member, problem) from error
    return tuple(destination / path for path in unpacking.written)


class _Unpacking:
    """The state of an archive that is being unpacked into a private temporary folder.

    Attributes:
        member: the name of the current member; empty between members.
        written: the files and links so far, relative to the folder.
    """

    member = ""

    def __init__(self, limits: UnpackLimits) -> None:
        self._limits = limits
        self.written: list[PurePosixPath] = []
        self._kinds: dict[PurePosixPath, str] = {}
        self._links: dict[PurePosixPath, str] = {}
        self._members = 0

    def write_all(self, archive: Path, root: Path) -> None:
        packed_bytes = archive.stat().st_size
        # Two counts: a tar can skip bytes, and its sparse files can be larger than what is read.
        read, self._written = ByteCount(self._limits, packed_bytes), ByteCount(self._limits, packed_bytes)
        for member in read_members(archive, self._limits.members, read.count):
            self.member = member.name
            path = self._accepted(member)
            if path is not None:
                self._write(member, path, root)
            self.member = ""
        # Links are made last, so that no member can be written through one.
        for path, target in self._links.items():
            (root / path).symlink_to(target)
        for path in self._links:
            _check_link(root, path)

    def _accepted(self, member: Member) -> PurePosixPath | None:
        """Return a member's path relative to the folder; None for the folder itself.

        Raises:
            ArchiveRefused: the member is unsafe.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveRefused(f"the archive has more than {self._limits.members:,} members")
        if member.kind not in {FILE, FOLDER, SYMLINK, HARDLINK}:
            raise ArchiveRefused(f"is a {member.kind}, which no dataset or model needs")
        path = _safe_path(member.name)
        if not path.parts:
            if member.kind != FOLDER:
                raise ArchiveRefused(f"a {member.kind} cannot replace the destination folder itself")
            return None
        for folder in path.parents[:-1]:
            if self._kinds.setdefault(folder, FOLDER) != FOLDER:
                raise ArchiveRefused(f"lies below {folder}, which is a {self._kinds[folder]}")
        earlier = self._kinds.get(path)
        if earlier is not None and (earlier, member.kind) != (FOLDER, FOLDER):
            raise ArchiveRefused("has the name of an earlier member")
        if member.kind == HARDLINK and self._kinds.get(_safe_path(member.target)) != FILE:
            raise ArchiveRefused(f"links to {member.target}, which is not an earlier file of the archive")
        if member.kind == SYMLINK:
            _check_target(member.target)
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
        elif member.content is None:
            os.link(root / _safe_path(member.target), place)
        else:
            with place.open("xb") as file:
                for chunk in member.content():
                    self._written.count(len(chunk))
                    try:
                        file.write(chunk)
                    except OSError as error:
                        raise disk_failure(error, str(root.parent)) from error
            if member.executable:
                place.chmod(0o755)
        self.written.append(path)


def _check_link(root: Path, path: PurePosixPath) -> None:
    """Raise ArchiveRefused if a link leads out of the folder, or to no end."""
    try:
        end = (root / path).resolve()
    except (OSError, RuntimeError):  # a cycle, before Python 3.13; RecursionError: a chain of hundreds
        end = root / path
    if end.is_symlink():
        raise ArchiveRefused(f"the link {path} is part of a cycle or a long chain")
    if not end.is_relative_to(root.resolve()):
        raise ArchiveRefused(f"the link {path} leads out of the folder")


def _safe_path(name: str) -> PurePosixPath:
    """Parse a member's name as a path below the folder.

    Raises:
        ArchiveRefused: the path is absolute, leads out with "..", is too long, or has a backslash or NUL.
    """
    if not name:
        raise ArchiveRefused("has no name")
    if "\0" in name or "\\" in name:
        raise ArchiveRefused("has a backslash or a NUL in its name, which programs interpret differently")
    path = PurePosixPath(name)
    if path.is_absolute():
        raise ArchiveRefused("has an absolute path")
    if ".." in path.parts:
        raise ArchiveRefused("has '..' in its path")
    if len(name) > _LONGEST_PATH or len(path.parts) > _MOST_FOLDERS:
        raise ArchiveRefused(f"has a path of more than {_LONGEST_PATH} characters or {_MOST_FOLDERS} folders")
    return path


def _check_target(target: str) -> None:
    """Raise ArchiveRefused for the target of a symbolic link that no relative path has."""
    if not target or "\0" in target:
        raise ArchiveRefused("links to an empty path, or to one with a NUL")
    if PurePosixPath(target).is_absolute():
        raise ArchiveRefused(f"links to the absolute path {target}")
    if len(target) > _LONGEST_PATH:
        raise ArchiveRefused(f"links to a path of more than {_LONGEST_PATH} characters")
