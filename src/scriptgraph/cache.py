"""The cache: entries named by a hash of what they were made from, whole or absent.

An entry is written beside the store and renamed into it when it is complete, under a
lock of its key: a killed writer publishes nothing, and two processes that want the
same entry make it once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptgraph.cache_paths import marked, unmarked
from scriptgraph.errors import CacheError
from scriptgraph.json_place import decode_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scriptgraph.manifest import Values

# A change of an entry's layout gets a new name here: old entries are then never misread.
LAYOUT = "v1"
_ENTRY_FILE = "entry.json"
_CONTENT = "content"


@dataclass(frozen=True)
class Entry:
    """A complete entry: where its files are, and what its step exported."""

    key: str
    path: Path
    exports: Values
    alias: str = ""
    title: str = ""

    @property
    def content(self) -> Path:
        """The folder with the step's own files."""
        return self.path / _CONTENT


def content_key(parts: Mapping[str, Any]) -> str:
    """Hash what an entry is made from; any change of it is another key."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class Cache:
    """A store of entries below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._entries = root / LAYOUT
        self._making = root / "making"
        self._locks = root / "locks"

    def prepare(self) -> None:
        """Make the store's folders.

        Raises:
            CacheError: the place cannot be written.
        """
        try:
            for folder in (self._entries, self._making, self._locks, self.root / "partial"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(
                f"{self.root}: the cache cannot be written ({error.strerror}); set CM_REPOS or --home to your folder"
            ) from error

    def partial(self, key: str) -> Path:
        """Give the folder for unfinished downloads of an entry; it survives a failure, so that they resume."""
        folder = self.root / "partial" / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def find(self, key: str) -> Entry | None:
        """Give the entry of `key`, if it is there and whole."""
        path = self._path(key)
        try:
            meta = json.loads((path / _ENTRY_FILE).read_text(encoding="utf-8"))
            if meta["key"] != key or meta["layout"] != LAYOUT:
                return None
            places = self._places(path)
            exports = {name: unmarked(decode_value(value), places) for name, value in meta["exports"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if not (path / _CONTENT).is_dir():
            return None
        return Entry(key, path, exports, meta.get("alias", ""), meta.get("title", ""))

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the key's lock; the system drops it when the process ends, however it ends."""
        with (self._locks / f"{key}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """Give a fresh folder to make an entry's content in; it goes away unless published."""
        folder = self._making / key
        import shutil  # noqa: PLC0415 - only what is made needs it, not what is found

        shutil.rmtree(folder, ignore_errors=True)  # what a killed writer left; we hold the lock
        (folder / _CONTENT).mkdir(parents=True)
        try:
            yield folder / _CONTENT
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, key: str, content: Path, exports: Values, meta: Mapping[str, Any]) -> Entry:
        """Make the content, and what is said of it, the entry of `key` in one step."""
        import shutil  # noqa: PLC0415 - as in `making`

        folder = content.parent
        target = self._path(key)
        places = self._places(folder)
        told = {name: marked(value, places) for name, value in exports.items()}
        document = {**meta, "key": key, "layout": LAYOUT, "exports": told}
        with (folder / _ENTRY_FILE).open("w", encoding="utf-8") as handle:
            json.dump(document, handle, indent=1, default=str)
            handle.flush()
            os.fsync(handle.fileno())
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            shutil.rmtree(target)  # not whole, or set aside by a check: `find` has said so
        folder.rename(target)
        shutil.rmtree(self.root / "partial" / key, ignore_errors=True)
        entry = self.find(key)
        if entry is None:
            raise CacheError(f"{target}: the entry just written cannot be read back; check the disk")
        return entry

    def movable(self, text: str) -> str:
        """Give text in which paths into the cache do not say where it lies."""
        return str(marked(text, {"cache": self.root}))

    def _places(self, entry: Path) -> Mapping[str, Path]:
        return {"entry": entry, "cache": self.root}

    def _path(self, key: str) -> Path:
        return self._entries / key[:2] / key
