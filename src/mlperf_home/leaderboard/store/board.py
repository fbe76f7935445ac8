"""A board: a folder with the truth of it, and an index.

board.json               what the board is, and where its objects are
objects/ab/ab12....tar.gz   bundles under the SHA-256 of their manifest, without the contributor's name; or in a bucket
journal.jsonl            receipts, withdrawals, rotations, revocations, vouchers, forgettings
verdicts/000001.jsonl    the verdicts of each judging that changed something; .sig if the board has a key
names/                   the names of contributors, which can be erased
index.sqlite             can be made again from all these
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.leaderboard.events import BOARD_LIMITS, BoardSettings, Crowd, KnownName
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.journal import BoardJournal, Verdicts
from mlperf_home.leaderboard.store.objects import FolderObjects, Objects, checked_place, lost
from mlperf_home.leaderboard.store.s3 import S3Objects
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.events import Receipt

BOARD_FILE = "board.json"
_LOCK = ".lock"


class Board:
    """A board in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal, self.verdicts = BoardJournal(folder), Verdicts(folder)

    @cached_property
    def settings(self) -> BoardSettings:
        """What the board is. Raise BoardError if the folder holds none."""
        path = self.folder / BOARD_FILE
        if not path.is_file():
            advice = "name a board, or collect bundles into a new one by cm run script --tags=collect,bundles"
            raise BoardError(self.folder, "holds no board", advice)
        try:
            return read_document(path, BoardSettings, BOARD_LIMITS)
        except DocumentError as error:
            advice = "use the version of mlperf-home that made it"
            raise BoardError(path, f"is not readable ({error.pointer or 'it'}: {error.problem})", advice) from None

    def create(self, *, sample: bool, objects: str = "", crowd: Crowd | None = None) -> None:
        """Create the board if the folder holds none.

        Args:
            sample: whether it takes samples only, or none.
            objects: the place of its bundles; "" for its folder.
            crowd: the published results to learn from; by default, those of its kind.

        Raises:
            BoardError: the folder holds anything else, the board has another place, or the place cannot be used.
        """
        place = checked_place(objects) if objects else ""
        if (self.folder / BOARD_FILE).is_file():
            if place not in {"", self.settings.objects}:
                here = self.settings.objects or "its own folder"
                raise BoardError(self.folder, f"keeps its objects in {here}, not in {place}", "leave out --objects")
            return
        others = [path.name for path in self.folder.iterdir() if path.name != _LOCK] if self.folder.is_dir() else []
        if others:
            raise BoardError(self.folder, f"holds {min(others)!r}, no board", "name an empty folder, or a board")
        settings = BoardSettings(
            name=self.folder.resolve().name,
            sample=sample,
            created_utc=now_utc(),
            crowd=crowd or ("sample" if sample else "images"),
            objects=place,
        )
        self._objects_of(settings).require_free()
        write_document(self.folder / BOARD_FILE, settings)

    @cached_property
    def objects(self) -> Objects:
        """The place of its bundles. Raise BoardError if the environment lacks what it needs."""
        return self._objects_of(self.settings)

    def _objects_of(self, settings: BoardSettings) -> Objects:
        if settings.objects:
            return S3Objects(settings.objects, f"{settings.name} {settings.created_utc}")
        return FolderObjects(self.folder / "objects")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the board for a writer, after another one; create its folder.

        Raises:
            BoardError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / _LOCK).open("w")
        except OSError as error:
            advice = "name a folder that you can write to"
            raise BoardError(self.folder, f"cannot be written ({error.strerror})", advice) from None
        with file:
            locks.acquire(file, wait=True)
            yield

    def archive(self, receipt: Receipt, scratch: Path) -> Path:
        """Return the path of a taken bundle's archive, or of a copy in `scratch`; its hash is the receipt's.

        Raises:
            BoardError: it is lost or changed, or cannot be read.
        """
        path = self.objects.archive(receipt.bundle, scratch)
        if sha256_of(path) != receipt.archive:
            raise lost(path)
        return path

    def names(self) -> dict[str, KnownName]:
        """Return the names of contributors, by pseudonym."""
        return {path.stem: _known_name(path) for path in sorted((self.folder / "names").glob("*.json"))}

    def keep_name(self, contributor: str, name: KnownName) -> None:
        """Keep the name of a contributor."""
        (self.folder / "names").mkdir(exist_ok=True)
        write_document(self.folder / "names" / f"{contributor}.json", name)

    def erase_name(self, contributor: str) -> None:
        """Erase the name of a contributor; erasing it twice is harmless."""
        (self.folder / "names" / f"{contributor}.json").unlink(missing_ok=True)


def _known_name(path: Path) -> KnownName:
    try:
        return read_document(path, KnownName, BOARD_LIMITS)
    except DocumentError as error:
        raise BoardError(path, f"is damaged ({error.problem})", "remove the file: the name is then forgotten") from None


def now_utc() -> str:
    """Return the current time in UTC, as ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def today() -> str:
    """Return the current day in UTC, as ISO 8601."""
    return now_utc()[:10]
