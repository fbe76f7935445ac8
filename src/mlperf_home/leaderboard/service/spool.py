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

import os
import shutil
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.leaderboard.service import (
    UPLOAD_LIMITS,
    JudgedUpload,
    PublishedState,
    UploadStatus,
)
from mlperf_home.leaderboard.service.receiving import Receiving
from mlperf_home.leaderboard.site.addresses import page_of
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from typing import BinaryIO

SPOOL_DIR = "uploads"
_PARTS = ("incoming", "queue", "done", "aside", "scratch")
_PART_S = 24 * 3600
_REFUSED_S = 30 * 24 * 3600
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
        self.incoming, self.queue, self.done, self.aside, self.scratch = (self.root / each for each in _PARTS)
        self._published = self.root / "published.json"
        self._most_bytes, self._least_free = most_bytes, least_free

    def prepare(self) -> None:
        """Create the folders, and remove what nobody asks for any more: old halves, refusals of a month ago."""
        for folder in (self.incoming, self.queue, self.done, self.aside, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        for path in self.incoming.glob("*.part"):
            _remove_if(path, lambda stat: now - stat.st_mtime > _PART_S)
        for path in self.done.glob("*/*.json"):
            if now - path.stat().st_mtime > _REFUSED_S and _read_judged(path).state == "refused":
                path.unlink(missing_ok=True)
        for path in self.scratch.iterdir():
            _remove_if_unlocked(path)

    def status(self, digest: str) -> UploadStatus | None:
        """Return what is known of an upload; None if nothing is."""
        known = partial(UploadStatus, upload=digest, page=f"uploads/{digest}")
        if (judged := self.judged(digest)) is not None:
            shown = judged.state == "taken" and judged.events <= self.published().events
            pages = tuple(page_of("result", each) for each in judged.results) if shown else ()
            return known(
                state="published" if shown else judged.state, received=judged.bytes, reason=judged.reason,
                received_utc=judged.received_utc, ended_utc=judged.ended_utc, bundle=judged.bundle,
                receipt=judged.receipt, results=pages,
            )  # fmt: skip
        waiting = self.waiting()
        if (path := self.queued(digest)) in waiting and (stat := _stat(path)):
            return known(
                state="queued", received=stat.st_size, received_utc=utc_of(stat.st_mtime), before=waiting.index(path)
            )
        if stat := _stat(self.incoming / f"{digest}.part"):
            return known(state="incomplete", received=stat.st_size)
        # It may have moved on while its place was looked up.
        return self.status(digest) if self._judged_place(digest).exists() else None

    def queued(self, digest: str) -> Path:
        """Return the place of an upload that waits."""
        return self.queue / f"{digest}.tar.gz"

    def waiting(self) -> list[Path]:
        """Return the uploads that wait, the oldest first."""
        found = [(stat.st_mtime_ns, path) for path in self.queue.glob("*.tar.gz") if (stat := _stat(path))]
        return [path for _, path in sorted(found)]

    def backlog(self) -> tuple[int, float]:
        """Return the number of uploads that wait, and the age of the oldest in seconds."""
        waiting = self.waiting()
        stat = _stat(waiting[0]) if waiting else None
        return len(waiting), max(0.0, time.time() - stat.st_mtime) if stat else 0.0

    def require_room(self, size: int) -> None:
        """Raise NoRoomError if an upload of `size` bytes has no room."""
        paths = [path for folder in (self.incoming, self.queue, self.aside) for path in folder.iterdir()]
        used = sum(stat.st_size for path in paths if (stat := _stat(path)))
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
        path = self.incoming / f"{digest}.part"
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
            with _locked(path) as held:
                if held and self.judged(digest) is not None:
                    path.unlink()  # Its worker was killed after the last step but one.
                elif held:
                    yield path
                    return
        yield None

    def end(self, path: Path, judged: JudgedUpload) -> None:
        """Write down what has become of a claimed upload, then remove it from the queue."""
        place = self._judged_place(judged.upload)
        place.parent.mkdir(exist_ok=True)
        if judged.state == "set aside":
            shutil.copyfile(path, self.aside / path.name)
        write_document(place, judged)
        path.unlink()
        sync_folder(self.queue)

    def judged(self, digest: str) -> JudgedUpload | None:
        """Return what has become of an upload; None if it is not judged."""
        path = self._judged_place(digest)
        return _read_judged(path) if path.is_file() else None

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

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """Make a folder for one verification; a killed worker's is removed by the next start."""
        folder = self.scratch / f"{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            locks.acquire(descriptor)
            yield folder
        finally:
            os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)

    def _judged_place(self, digest: str) -> Path:
        return self.done / digest[:2] / f"{digest}.json"


def digest_of(path: Path) -> str:
    """Return the digest in the name of a queued upload."""
    return path.name.removesuffix(".tar.gz")


def utc_of(seconds: float) -> str:
    """Return a time since the epoch in UTC, as ISO 8601 to the second."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file that others may move; False if another process holds it, or it is gone."""
    try:
        file: BinaryIO = path.open("rb")
    except FileNotFoundError:
        yield False
        return
    with file:
        yield locks.acquire(file) and locks.is_at(file, path)


def _read_judged(path: Path) -> JudgedUpload:
    return read_document(path, JudgedUpload, UPLOAD_LIMITS)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _remove_if(path: Path, is_old: Callable[[os.stat_result], bool]) -> None:
    with _locked(path) as held:
        if held and (stat := _stat(path)) and is_old(stat):
            path.unlink(missing_ok=True)


def _remove_if_unlocked(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        if locks.acquire(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
