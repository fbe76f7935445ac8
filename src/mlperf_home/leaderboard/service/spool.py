"""The uploads of a board, as files: what has arrived is never lost, and the kernel's locks tell who works on it.

uploads/incoming/DIGEST.part        bytes of an incomplete upload; its connection holds a lock on it
uploads/queue/DIGEST.tar.gz         whole uploads that wait; the worker that verifies one holds a lock on it
uploads/done/ab/DIGEST.json         what has become of the others
uploads/aside/DIGEST.tar.gz         uploads that the service failed at, for the organiser
uploads/published.json              what the pages show

DIGEST is the SHA-256 of the archive. A state is where the file lies: no process has to remember one, so each may be
killed at any moment. A lock ends with its process.
"""

from __future__ import annotations

import shutil
import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.leaderboard.service import UPLOAD_LIMITS, JudgedUpload, PublishedState
from mlperf_home.leaderboard.service.held_files import held_file, held_folder, remove_if, remove_unheld, stat_of
from mlperf_home.leaderboard.service.receiving import Receiving
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

SPOOL_DIR = "uploads"
_PARTS = ("incoming", "queue", "done", "aside", "scratch")
_PART_S, _REFUSED_S = 24 * 3600, 30 * 24 * 3600
_LEAST_FREE = 512 << 20


class NoRoomError(Exception):
    """There is no room for an upload; the text says what is full."""


class Spool:
    """The uploads of a board.

    Args:
        board: the board's folder.
        most_bytes: the most bytes of all uploads that are incomplete or wait.
        least_free: the bytes of the disk that uploads leave free.
    """

    def __init__(self, board: Path, most_bytes: int = 4 << 30, least_free: int = _LEAST_FREE) -> None:
        self.root = board / SPOOL_DIR
        self._incoming, self._queue, self._done, self._aside, self._scratch = (self.root / each for each in _PARTS)
        self._published = self.root / "published.json"
        self._most_bytes, self._least_free = most_bytes, least_free

    def prepare(self) -> None:
        """Create the folders; remove halves of yesterday, refusals of a month ago, and what killed workers left."""
        for name in _PARTS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        mark = self.root / ".cleaning"
        mark.touch()
        with held_file(mark) as held:
            if held:
                self._clean(time.time())

    def _clean(self, now: float) -> None:
        for path in self._incoming.glob("*.part"):
            remove_if(path, lambda stat: now - stat.st_mtime > _PART_S)
        for path in self._done.glob("*/*.json"):
            if now - path.stat().st_mtime > _REFUSED_S and _read(path).state == "refused":
                path.unlink(missing_ok=True)
        for path in self._scratch.iterdir():
            remove_unheld(path)

    def part(self, digest: str) -> Path:
        """Return the place of an incomplete upload."""
        return self._incoming / f"{digest}.part"

    def queued(self, digest: str) -> Path:
        """Return the place of an upload that waits."""
        return self._queue / f"{digest}.tar.gz"

    def waiting(self) -> list[Path]:
        """Return the uploads that wait, the oldest first."""
        found = [(stat.st_mtime_ns, path) for path in self._queue.glob("*.tar.gz") if (stat := stat_of(path))]
        return [path for _, path in sorted(found)]

    def require_room(self, size: int) -> None:
        """Raise NoRoomError if an upload of `size` bytes has no room."""
        paths = [path for folder in (self._incoming, self._queue, self._aside) for path in folder.iterdir()]
        used = sum(stat.st_size for path in paths if (stat := stat_of(path)))
        if used + size > self._most_bytes:
            raise NoRoomError("too many uploads wait")
        if self.free_bytes() - size < self._least_free:
            raise NoRoomError("the disk is full")

    def is_short(self) -> bool:
        """Whether the disk is so full that a verification may have failed for it."""
        return self.free_bytes() < self._least_free

    def free_bytes(self) -> int:
        """Return the free bytes of the disk."""
        return shutil.disk_usage(self.root).free

    @contextmanager
    def receiving(self, digest: str) -> Iterator[Receiving | None]:
        """Open an incomplete upload for one connection; None while another one sends it."""
        path = self.part(digest)
        with path.open("a+b") as file:
            held = locks.acquire(file) and locks.is_at(file, path)
            yield Receiving(file, path, self.queued(digest), digest) if held else None

    @contextmanager
    def claimed(self, postponed: Collection[str] = ()) -> Iterator[Path | None]:
        """Hold the oldest upload that nobody else works on, without the postponed ones; None if there is none."""
        for path in self.waiting():
            digest = digest_of(path)
            if digest in postponed:
                continue
            with held_file(path) as held:
                if held and self.judged(digest) is not None:
                    path.unlink()  # Its worker was killed after the last step but one.
                elif held:
                    yield path
                    return
        yield None

    def end(self, path: Path, judged: JudgedUpload) -> None:
        """Write down what has become of a claimed upload, then remove it from the queue."""
        if judged.state == "set aside":
            shutil.copyfile(path, self._aside / path.name)
        place = self._judged_place(judged.upload)
        place.parent.mkdir(exist_ok=True)
        write_document(place, judged)
        path.unlink()
        sync_folder(self._queue)

    def judged(self, digest: str) -> JudgedUpload | None:
        """Return what has become of an upload; None if it is not judged."""
        path = self._judged_place(digest)
        return _read(path) if path.is_file() else None

    def published(self) -> PublishedState:
        """Return what the pages show; nothing if the file is absent or damaged: pages are then written again."""
        try:
            return read_document(self._published, PublishedState, UPLOAD_LIMITS)
        except DocumentError:
            return PublishedState(events=-1, utc="")

    def keep_published(self, events: int, utc: str) -> None:
        """Write down what the pages show."""
        write_document(self._published, PublishedState(events=events, utc=utc))

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Hold the pages for one writer."""
        with (self.root / ".publishing").open("w") as file:
            locks.acquire(file, wait=True)
            yield

    def scratch_folder(self) -> AbstractContextManager[Path]:
        """Make a folder for one verification."""
        return held_folder(self._scratch)

    def _judged_place(self, digest: str) -> Path:
        return self._done / digest[:2] / f"{digest}.json"


def digest_of(path: Path) -> str:
    """Return the digest in the name of a queued upload."""
    return path.name.removesuffix(".tar.gz")


def _read(path: Path) -> JudgedUpload:
    return read_document(path, JudgedUpload, UPLOAD_LIMITS)
