"""A download that has not come to its end, kept from one try to the next."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scriptgraph.files import locks
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.fetch.sources import Source


@dataclass(frozen=True)
class Version:
    """What the server said of the file whose beginning we have.

    Attributes:
        validator: its strong ETag, or its date; empty if it gave neither.
        total_bytes: its length; None if it did not say.
    """

    validator: str = ""
    total_bytes: int | None = None


class Partial:
    """The beginning of a source's file and a note of which version of it that is.

    Named by the source's address, so that the next run finds it. Locked while in use: a
    second process that fetches the same address works in a file of its own.
    """

    def __init__(self, folder: Path, source: Source) -> None:
        """Open (or make) the partial file.

        Raises:
            OSError: the folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        address = source.url or str(source.path)
        key = hashlib.sha256(address.encode()).hexdigest()[:24]
        self.path = folder / f"{key}.part"
        # The file object is kept for the lock and for the whole of a source's tries.
        self.file = self.path.open("ab")
        try:
            ours = locks.acquire(self.file)
        except OSError:  # a file system without locks: another process cannot be told from none
            ours = False
        if not ours:
            self.file.close()
            self.path = folder / f"{key}.{os.getpid()}.part"
            self.file = self.path.open("wb")
        self._note = self.path.with_suffix(".json")
        # Whether its beginning came from an earlier run.
        self.continued = self.size_bytes > 0

    def close(self) -> None:
        """Close the file, which unlocks it."""
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """How much is there, written out to the operating system."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    @property
    def version(self) -> Version:
        """Which version it is the beginning of; the empty one if that is not known."""
        try:
            noted: Any = json.loads(self._note.read_text(encoding="utf-8"))
            return Version(str(noted["validator"]), noted["total_bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return Version()

    def restart(self, version: Version) -> None:
        """Throw away what is there and begin with `version`."""
        self.continued = False
        self.file.truncate(0)
        self._note.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def append(self, chunk: bytes) -> None:
        """Add to the end."""
        self.file.write(chunk)

    def discard(self) -> None:
        """Remove it: what is there is not what was wanted."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def publish(self, destination: Path) -> None:
        """Move the whole file to its place in one step; half a file is never seen there."""
        self.file.flush()
        os.fsync(self.file.fileno())
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system.
            with self.path.open("rb") as content, replacement(destination) as file:
                shutil.copyfileobj(content, file)
        self.discard()
