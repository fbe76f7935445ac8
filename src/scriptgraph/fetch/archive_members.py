"""Which members of an archive may be written, and where.

An archive is somebody else's list of paths. Each rule here refuses what could write
outside the folder, overwrite, or fill the disk; the whole archive is refused with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE, FOLDER, SYMLINK, HARDLINK = "file", "folder", "symbolic link", "hard link"
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


class MemberRefused(Exception):  # noqa: N818 - it reads as the event it is
    """A member may not be written; the text says why."""


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


@dataclass(frozen=True)
class Member:
    """One entry of an archive, of whatever format.

    Attributes:
        name: as the archive has it.
        kind: one of FILE, FOLDER, SYMLINK, HARDLINK; anything else names what it is and is refused.
        target: what a link points to.
        executable: whether its owner may execute it; all other mode bits are ignored.
        open: gives its content; of files only.
    """

    name: str
    kind: str
    target: str = ""
    executable: bool = False
    open: Callable[[], IO[bytes]] | None = None


@dataclass
class Inventory:
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
            MemberRefused: it may not be written.
        """
        self._seen += 1
        if self._seen > self.limits.members:
            raise MemberRefused(f"there are more than {self.limits.members:,} members")
        if member.kind not in {FILE, FOLDER, SYMLINK, HARDLINK}:
            raise MemberRefused(f"it is a {member.kind}, which no dataset or model needs")
        path = safe_path(member.name)
        if not path.parts:
            if member.kind != FOLDER:
                raise MemberRefused(f"a {member.kind} cannot take the place of the folder itself")
            return None
        for folder in path.parents[:-1]:
            if self.kinds.setdefault(folder, FOLDER) != FOLDER:
                raise MemberRefused(f"it lies below {folder}, which is a {self.kinds[folder]}")
        earlier = self.kinds.get(path)
        if earlier is not None and (earlier, member.kind) != (FOLDER, FOLDER):
            raise MemberRefused("the name occurs twice")
        if member.kind == HARDLINK and self.kinds.get(safe_path(member.target)) != FILE:
            raise MemberRefused(f"it links to {member.target}, which is no file earlier in the archive")
        if member.kind == SYMLINK and PurePosixPath(member.target).is_absolute():
            raise MemberRefused(f"it links to the absolute path {member.target}")
        self.kinds[path] = member.kind
        return path

    def count(self, written_bytes: int) -> None:
        """Add to the bytes written.

        Raises:
            MemberRefused: a limit is passed.
        """
        self.written_bytes += written_bytes
        if self.written_bytes > self.limits.total_bytes:
            raise MemberRefused(f"the archive unpacks to more than {self.limits.total_bytes:,} bytes")
        if self.written_bytes > self.limits.free_bytes and self.written_bytes > self.limits.ratio * self.packed_bytes:
            raise MemberRefused(
                f"the archive unpacks to more than {self.limits.ratio:g} times its {self.packed_bytes:,} bytes"
            )


def safe_path(name: str) -> PurePosixPath:
    """Read a member's name as a path below the folder.

    Raises:
        MemberRefused: it is absolute, climbs, or has characters that do not belong there.
    """
    if not name:
        raise MemberRefused("it has no name")
    if "\0" in name or "\\" in name:
        raise MemberRefused("its name has a backslash or a NUL, which mean different things to different programs")
    path = PurePosixPath(name)
    if path.is_absolute():
        raise MemberRefused("its path is absolute")
    if ".." in path.parts:
        raise MemberRefused("its path climbs out with '..'")
    if len(name) > _LONGEST_PATH:
        raise MemberRefused("its path is too long")
    return path


def check_links(root: Path, links: list[PurePosixPath]) -> None:
    """Check that every symbolic link, all of them being in place, ends within the folder.

    Raises:
        MemberRefused: one leads out, or in a circle.
    """
    whole = root.resolve()
    for link in links:
        try:
            end = (root / link).resolve()
        except (OSError, RuntimeError):  # a circle, before Python 3.13
            end = root / link
        if end.is_symlink():
            raise MemberRefused(f"the link {link} leads in a circle")
        if not end.is_relative_to(whole):
            raise MemberRefused(f"the link {link} leads out of the folder")
