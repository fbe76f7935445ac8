"""Members of archives of any format."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scriptgraph.fetch.archive_limits import ArchiveRefused
from scriptgraph.files.parser_faults import parser_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE, FOLDER, SYMLINK, HARDLINK = "file", "folder", "symbolic link", "hard link"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    """A member of an archive of any format.

    Attributes:
        name: the name in the archive.
        kind: FILE, FOLDER, SYMLINK or HARDLINK; any other text names a kind that is refused.
        target: the target of a link.
        executable: whether the owner may execute it; all other mode bits are ignored.
        content: reads the content in chunks; None unless the member is a file.
    """

    name: str
    kind: str
    target: str = ""
    executable: bool = False
    content: Callable[[], Iterator[bytes]] | None = None


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""

    def close(self) -> None:
        """Release the stream."""


def read_content(opened: Callable[[], Readable], chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Read a member's content in chunks; raise ArchiveRefused if it is damaged."""
    with parser_faults(ArchiveRefused):
        stream = opened()
    with closing(stream):
        while True:
            with parser_faults(ArchiveRefused):
                chunk = stream.read(chunk_bytes)
            if not chunk:
                return
            yield chunk
