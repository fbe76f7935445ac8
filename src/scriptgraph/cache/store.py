"""The cache: entries named by a hash of what they were made from, whole or absent.

An entry is written beside the store and renamed into it when it is complete, under a
lock of its key: a killed writer publishes nothing, and two processes that want the
same entry make it once.
"""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.inventory import CONTENT, damages, remove_tree, write_inventory
from scriptgraph.errors import CacheError, DocumentError
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import read_json
from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.located_json import decode_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from scriptgraph.manifest.types import Value, Values

# A change of an entry's layout gets a new name here: old entries are then never misread.
LAYOUT = "v2"
ENTRY_FILE = "entry.json"
# Another user's cache may be there to read only, and without locks: what it holds is used all the same.
_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT})
# Paths into the cache are written as marks, so that an entry stays right when it, or the whole cache, moves. {entry}
# stands for the entry's folder and {cache} for the cache's; a { of the text itself is doubled.
_MARK = re.compile(r"\{\{|\{(entry|cache)\}")


class Entry(Immutable):
    """A complete entry: where its files are, and what its step exported."""

    key: str
    path: Path
    exports: Values
    alias: str = ""
    title: str = ""

    @property
    def content(self) -> Path:
        """The folder with the step's own files."""
        return self.path / CONTENT


def content_key(parts: Mapping[str, Any]) -> str:
    """Hash what an entry is made from; any change of it is another key."""
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class KeyLocks:
    """Locks of the keys: one who makes an entry, many who use it, nobody while it is removed.

    The system drops them when a process ends, however it ends. A key has two files: `KEY.lock` is held
    alone while its entry is made, `KEY.use` is shared by the runs that use it, and its time says when one
    last did. Both are held alone while the entry is removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, int] = {}

    @contextmanager
    def making(self, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for the key, and hold it while its entry is made; `waiting` is called where it is not free."""
        with (self.folder / f"{key}.lock").open("a") as handle:
            if not locks.acquire(handle):
                waiting()
                locks.acquire(handle, wait=True)
            yield

    def hold(self, key: str) -> None:
        """Keep the key's entry from being removed until `release`."""
        if key in self._held:
            return
        for way in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
            try:
                handle = os.open(self._use_file(key), way, 0o666)
            except OSError as error:  # noqa: PERF203 - there are two ways
                if error.errno not in _READ_ONLY:
                    raise
            else:
                locks.acquire(handle, shared=True, wait=True)
                self._held[key] = handle
                return

    def release(self) -> None:
        """Let go of all that is held; the time is that of its last use."""
        while self._held:
            _, handle = self._held.popitem()
            with suppress(OSError):  # another user's file, which is not ours to change
                os.utime(handle)
            os.close(handle)

    @contextmanager
    def alone(self, key: str) -> Iterator[bool]:
        """Hold the key alone, without waiting; False where somebody makes or uses its entry."""
        with ExitStack() as opened:
            files = (self.folder / f"{key}.lock", self._use_file(key))
            yield all(locks.acquire(opened.enter_context(path.open("a"))) for path in files)

    def used_ns(self, key: str) -> int | None:
        """Return when a run last used the key's entry, in Unix time; None where that is not known."""
        try:
            return self._use_file(key).stat().st_mtime_ns
        except OSError:
            return None

    def _use_file(self, key: str) -> Path:
        return self.folder / f"{key}.use"


class Cache:
    """A store of entries below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries_folder = root / LAYOUT
        self.making_folder = root / "making"
        self.partial_folder = root / "partial"
        self.locks = KeyLocks(root / "locks")

    def prepare(self) -> None:
        """Make the store's folders.

        Raises:
            CacheError: the place cannot be written.
        """
        try:
            for folder in (self.entries_folder, self.making_folder, self.locks.folder, self.partial_folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(
                f"{self.root}: the cache cannot be written ({error.strerror});"
                " set CM_REPOS or --home or --cache_dir to your folder"
            ) from error

    def partial(self, key: str) -> Path:
        """Return the folder for unfinished downloads of an entry; it survives a failure, so that they resume."""
        folder = self.partial_folder / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def find(self, key: str) -> Entry | None:
        """Return the entry of `key`, if it is there and whole."""
        found = self._read(key)
        return found if isinstance(found, Entry) else None

    def damage(self, key: str) -> str:
        """Return why an entry that is there is not whole; "" where it is whole or absent."""
        found = self._read(key)
        return found if isinstance(found, str) else ""

    def _read(self, key: str) -> Entry | str | None:
        """Return an entry, or what is wrong with it; None where there is none."""
        path = self.path(key)
        try:
            meta = read_json(path / ENTRY_FILE, paths=True)
            if meta["key"] != key or meta["layout"] != LAYOUT:
                return f"{ENTRY_FILE} is another entry's"
            places = self._places(path)
            exports = {name: unmarked(decode_value(value), places) for name, value in meta["exports"].items()}
        except DocumentError as error:
            return f"{ENTRY_FILE} {error.problem}" if path.exists() else None
        except (KeyError, TypeError, AttributeError):
            return f"{ENTRY_FILE} describes no entry"
        damage = next(damages(path), "")
        return damage or Entry(key, path, exports, meta.get("alias", ""), meta.get("title", ""))

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """Yield a fresh folder to make an entry's content in; it goes away unless published."""
        folder = self.making_folder / key
        with suppress(OSError):
            remove_tree(folder)  # what a killed writer left; we hold the lock
        (folder / CONTENT).mkdir(parents=True)
        try:
            yield folder / CONTENT
        finally:
            with suppress(OSError):
                remove_tree(folder)

    def publish(self, key: str, content: Path, exports: Values, meta: Mapping[str, Any]) -> Entry:
        """Make the content, and what is said of it, the entry of `key` in one step.

        Raises:
            CacheError: the disk does not take it; what was there before stays.
        """
        folder, target = content.parent, self.path(key)
        told = {name: marked(value, self._places(folder)) for name, value in exports.items()}
        document = {**meta, "key": key, "layout": LAYOUT, "exports": told}
        try:
            write_inventory(folder)
            replace_text(folder / ENTRY_FILE, json.dumps(document, indent=1, default=str))
            target.parent.mkdir(exist_ok=True)
            # Another is there that is not whole, was refused by a check, or is made anew.
            before = self.set_aside(key)
            folder.rename(target)
            if before is not None:
                remove_tree(before)
        except OSError as error:
            raise CacheError(
                f"{self.root}: what was made cannot be kept ({error.strerror});"
                " make room, or give another folder by --cache_dir"
            ) from error
        with suppress(OSError):
            remove_tree(self.partial_folder / key)
        entry = self.find(key)
        if entry is None:
            raise CacheError(f"{target}: the entry just written cannot be read back; check the disk")
        return entry

    def set_aside(self, key: str) -> Path | None:
        """Take an entry out of the store in one step; the caller holds a lock and deletes the folder returned."""
        aside = self.making_folder / f"{key}.{os.urandom(4).hex()}"
        try:
            self.path(key).rename(aside)
        except FileNotFoundError:
            return None
        return aside

    def movable(self, text: str) -> str:
        """Return text in which paths into the cache do not say where it lies."""
        return str(marked(text, {"cache": self.root}))

    def _places(self, entry: Path) -> Mapping[str, Path]:
        return {"entry": entry, "cache": self.root}

    def path(self, key: str) -> Path:
        """Return where the entry of `key` is, if there is one."""
        return self.entries_folder / key[:2] / key


def marked(value: Value, places: Mapping[str, Path]) -> Value:
    """Put marks in the place of folders, the first of `places` first, however these are reached."""
    if isinstance(value, tuple):
        return tuple(str(marked(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    text = value.replace("{", "{{")
    if "/" not in text:
        return text
    for name, folder in places.items():
        for spelling in dict.fromkeys([str(folder), str(folder.resolve())]):
            # Whole paths only: /a/cache is not in /a/cache.old, nor in /b/a/cache.
            whole = rf"(?<![\w./-]){re.escape(spelling.replace('{', '{{'))}(?![\w.-])"
            text = re.sub(whole, f"{{{name}}}", text)
    return text


def unmarked(value: Value, places: Mapping[str, Path]) -> Value:
    """Put folders in the place of marks."""
    if isinstance(value, tuple):
        return tuple(str(unmarked(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    return _MARK.sub(lambda found: str(places[found[1]]) if found[1] else "{", value)
