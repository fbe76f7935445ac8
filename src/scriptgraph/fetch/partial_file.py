"""The first bytes of a download, kept between attempts and runs with the version of the file that they belong to."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError
from scriptgraph.fetch.failures import disk_failure
from scriptgraph.files import locks
from scriptgraph.files.atomic import replacement
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.fetch.sources import FileSource

# The note holds validators from headers, and servers limit headers to 8 to 16 KiB.
_NOTE = Limits(size=1 << 16, depth=1, values=4)


@dataclass(frozen=True)
class FileVersion:
    """A server's version of a file, by its answer's headers.

    Attributes:
        validator: the strong ETag, or else the date of modification if it is exact; empty if there is neither.
        etag: the ETag, also a weak one.
        modified: the date of modification.
        total_bytes: the length of the whole file; None if the server did not send it.
    """

    validator: str = ""
    etag: str = ""
    modified: str = ""
    total_bytes: int | None = None

    @classmethod
    def parse(cls, note: Any) -> FileVersion:
        """Read a version from its JSON object; an empty version from anything else."""
        if not isinstance(note, dict) or note.keys() != asdict(cls()).keys():
            return cls()
        texts, total = (note["validator"], note["etag"], note["modified"]), note["total_bytes"]
        if not all(isinstance(each, str) for each in texts) or not (total is None or type(total) is int):
            return cls()
        return cls(*texts, total)

    def differs(self, other: FileVersion) -> bool:
        """Whether a header shows that the two are different files."""
        pairs = (
            (self.etag.removeprefix("W/"), other.etag.removeprefix("W/")),
            (self.modified, other.modified),
            (self.total_bytes, other.total_bytes),
        )
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)

    def proves(self, other: FileVersion) -> bool:
        """Whether the headers show that the two are the same file, byte for byte."""
        return bool(self.validator) and self.validator == other.validator and not self.differs(other)


class PartialFile:
    """The first bytes of a source's file, with a note of the file's version.

    Its name is a hash of the source's address, so that the next run finds it. It is locked while in use; another thread
    or process that fetches the same address uses a file of its own, which does not outlive it.
    """

    def __init__(self, folder: Path, source: FileSource) -> None:
        """Open or create the partial file.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        address = source.url or str(source.path)
        key = hashlib.sha256(address.encode(errors="surrogateescape")).hexdigest()[:24]
        self.path = folder / f"{key}.part"
        # Open until close(): the lock lasts for all attempts at a source.
        file = _open_locked(self.path)
        self._private = file is None
        if file is None:
            descriptor, name = tempfile.mkstemp(".part", f"{key}.", folder)
            file, self.path = os.fdopen(descriptor, "wb"), folder / name
        self.file = file
        self._note = self.path.with_suffix(".json")
        # Whether its first bytes come from an earlier run.
        self.continued = self.size_bytes > 0

    def close(self) -> None:
        """Close and thereby unlock the file."""
        self.file.close()
        if self._private:
            self.discard()

    @property
    def size_bytes(self) -> int:
        """The number of bytes received and flushed to the operating system."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    @property
    def version(self) -> FileVersion:
        """The version of the file that the bytes belong to; an empty version if unknown."""
        try:
            return FileVersion.parse(read_json(self._note, _NOTE))
        except DocumentError:
            return FileVersion()

    def restart(self, version: FileVersion) -> None:
        """Discard the bytes and start with `version`.

        Raises:
            DiskFailed: the folder cannot be written.
        """
        self.continued = False
        try:
            self.file.truncate(0)
            self._note.write_text(json.dumps(asdict(version)), encoding="utf-8")
        except OSError as error:
            raise disk_failure(error, str(self.path.parent)) from error

    def discard(self) -> None:
        """Remove the partial file and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def publish(self, destination: Path) -> None:
        """Move the complete file to its destination in one step."""
        self.file.flush()
        os.fsync(self.file.fileno())
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:  # the destination is on another file system
                raise
            with self.path.open("rb") as content, replacement(destination) as file:
                shutil.copyfileobj(content, file)
        self.discard()


def _open_locked(path: Path) -> IO[bytes] | None:
    """Open and lock a file; None if another holds it, or the file system has no locks."""
    while True:
        file = path.open("ab")
        try:
            locked = locks.acquire(file)
        except OSError:  # without locks, another process cannot be ruled out
            locked = False
        # Its last holder may have published it between the two calls; then it is another's complete file.
        if locked and locks.is_at(file, path):
            return file
        file.close()
        if not locked:
            return None
