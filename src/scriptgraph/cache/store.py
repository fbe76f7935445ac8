"""The cache: a store of entries, each named by a hash of its inputs, complete or absent.

An entry is written outside the store and renamed into it when it is complete, under the
lock of its key. A killed writer therefore publishes nothing, and two processes that need
the same entry make it once.
"""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
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

    from scriptgraph.manifest.types import Value, Values

# Every change of an entry's layout gets a new name, so that old entries are never misread.
LAYOUT = "v2"
ENTRY_FILE = "entry.json"
# Another user's cache may be read-only: its entries are then used without locks.
_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT})
# Paths into the cache are stored with placeholders, so that they stay valid when the cache moves: {entry} is the
# entry's folder, {cache} the cache's. A { of the text itself is doubled.
_PLACEHOLDER = re.compile(r"\{\{|\{(entry|cache)\}")


class Entry(Immutable):
    """A complete entry: the folder of its files, and the exports of its step."""

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
    """Return the key of an entry: a SHA-256 of its inputs."""
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class KeyLocks:
    """Locks of keys: an entry has one maker or several users, and none of them while it is removed.

    The kernel drops the locks when a process ends. Each key has two files. `KEY.lock` is held exclusively while the
    entry is made. `KEY.use` is shared by the runs that use the entry; its modification time is that of the last use.
    Both are held exclusively while the entry is removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, int] = {}

    @contextmanager
    def making(self, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the key while its entry is made; `waiting` is called before a wait for another process."""
        with (self.folder / f"{key}.lock").open("a") as handle:
            if not locks.acquire(handle):
                waiting()
                locks.acquire(handle, wait=True)
            yield

    def hold(self, key: str) -> None:
        """Keep the key's entry from being removed until `release`."""
        if key in self._held:
            return
        for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
            try:
                handle = os.open(self._use_file(key), flags, 0o666)
            except OSError as error:  # noqa: PERF203 - two attempts only
                if error.errno not in _READ_ONLY:
                    raise
            else:
                locks.acquire(handle, shared=True, wait=True)
                self._held[key] = handle
                return

    def release(self) -> None:
        """Release all keys and set the time of their last use."""
        while self._held:
            _, handle = self._held.popitem()
            with suppress(OSError):  # another user's file
                os.utime(handle)
            os.close(handle)

    @contextmanager
    def exclusive(self, key: str) -> Iterator[bool]:
        """Hold the key exclusively without waiting; yield False if its entry is being made or used."""
        with ExitStack() as opened:
            files = (self.folder / f"{key}.lock", self._use_file(key))
            yield all(locks.acquire(opened.enter_context(path.open("a"))) for path in files)

    def used_ns(self, key: str) -> int | None:
        """Return the Unix time, in nanoseconds, of the entry's last use; None if unknown."""
        try:
            return self._use_file(key).stat().st_mtime_ns
        except OSError:
            return None

    def _use_file(self, key: str) -> Path:
        return self.folder / f"{key}.use"


class Cache:
    """The store of entries below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries_folder = root / LAYOUT
        self.making_folder = root / "making"
        self.partial_folder = root / "partial"
        self.locks = KeyLocks(root / "locks")

    def prepare(self) -> None:
        """Make the store's folders.

        Raises:
            CacheError: the folder cannot be written.
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
        """Return the folder for an entry's downloads; it outlives a failed run, so that they can resume."""
        folder = self.partial_folder / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def find(self, key: str) -> Entry | None:
        """Return the entry of `key`; None if it is absent or damaged."""
        entry = self._read(key)
        return entry if isinstance(entry, Entry) else None

    def damage(self, key: str) -> str:
        """Return the damage of an entry in words; "" if it is intact or absent."""
        entry = self._read(key)
        return entry if isinstance(entry, str) else ""

    def _read(self, key: str) -> Entry | str | None:
        """Return an entry, or its damage in words; None if it is absent."""
        path = self.path(key)
        try:
            meta = read_json(path / ENTRY_FILE, paths=True)
            if meta["key"] != key or meta["layout"] != LAYOUT:
                return f"{ENTRY_FILE} belongs to another entry"
            places = self._places(path)
            decode = _verbatim if meta.get("verbatim") else decode_value
            exports = {name: insert_paths(decode(value), places) for name, value in meta["exports"].items()}
        except DocumentError as error:
            return f"{ENTRY_FILE} {error.problem}" if path.exists() else None
        except (KeyError, TypeError, AttributeError):
            return f"{ENTRY_FILE} does not describe an entry"
        damage = next(damages(path), "")
        return damage or Entry(key, path, exports, meta.get("alias", ""), meta.get("title", ""))

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """Yield an empty folder for an entry's content; it is removed unless published."""
        folder = self.making_folder / key
        with suppress(OSError):
            remove_tree(folder)  # a killed writer's; the caller holds the lock
        (folder / CONTENT).mkdir(parents=True)
        try:
            yield folder / CONTENT
        finally:
            with suppress(OSError):
                remove_tree(folder)

    @contextmanager
    def in_place(self, key: str) -> Iterator[Path]:
        """Yield an empty folder for an entry's content at its final path, for content that contains its own path.

        Until it is published it counts as damaged. An earlier entry is set aside, and returns after a failure.
        """
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        earlier = self.set_aside(key)
        (target / CONTENT).mkdir(parents=True)
        try:
            yield target / CONTENT
        except BaseException:
            with suppress(OSError):
                remove_tree(target)
            if earlier is not None and (earlier / ENTRY_FILE).is_file():
                earlier.rename(target)
            raise
        if earlier is not None:
            with suppress(OSError):
                remove_tree(earlier)

    def publish(self, key: str, content: Path, exports: Values, meta: Mapping[str, Any]) -> Entry:
        """Make the content, with its exports and description, the entry of `key` in one step.

        Raises:
            CacheError: the disk cannot be written; an earlier entry stays.
        """
        folder, target = content.parent, self.path(key)
        stored = {name: insert_placeholders(value, self._places(folder)) for name, value in exports.items()}
        document = {**meta, "key": key, "layout": LAYOUT, "exports": stored}
        try:
            write_inventory(folder)
            replace_text(folder / ENTRY_FILE, json.dumps(document, indent=1, default=str))
            target.parent.mkdir(exist_ok=True)
            # An earlier entry is damaged, was refused by a check, or is being renewed.
            if folder != target:
                earlier = self.set_aside(key)
                folder.rename(target)
                if earlier is not None:
                    remove_tree(earlier)
        except OSError as error:
            raise CacheError(
                f"{self.root}: the new entry cannot be stored ({error.strerror});"
                " make room, or set --cache_dir to another folder"
            ) from error
        with suppress(OSError):
            remove_tree(self.partial_folder / key)
        entry = self.find(key)
        if entry is None:
            raise CacheError(f"{target}: the new entry cannot be read back; check the disk")
        return entry

    def set_aside(self, key: str) -> Path | None:
        """Move an entry out of the store in one step; the caller holds its lock and deletes the returned folder."""
        aside = self.making_folder / f"{key}.{os.urandom(4).hex()}"
        try:
            self.path(key).rename(aside)
        except FileNotFoundError:
            return None
        return aside

    def dangles(self, entry: Entry) -> bool:
        """Whether an export of an entry leads into another entry that is gone.

        Foreign steps run others on the way, so their keys do not contain what they got from these.
        """
        into = re.compile(re.escape(str(self.entries_folder)) + r"/[0-9a-f]{2}/[0-9a-f]{64}")
        texts = [text for value in entry.exports.values() for text in (value if isinstance(value, tuple) else (value,))]
        places = {place for text in texts if isinstance(text, str) for place in into.findall(text)}
        return not all((Path(place) / ENTRY_FILE).is_file() for place in places)

    def movable(self, text: str) -> str:
        """Return text with a placeholder in place of the cache's folder."""
        return str(insert_placeholders(text, {"cache": self.root}))

    def _places(self, entry: Path) -> Mapping[str, Path]:
        return {"entry": entry, "cache": self.root}

    def path(self, key: str) -> Path:
        """Return the folder of the entry of `key`, whether it exists or not."""
        return self.entries_folder / key[:2] / key


def _verbatim(value: Any) -> Value:
    """Return an exported value without reading its words."""
    return tuple(map(str, value)) if isinstance(value, list) else decode_value(value) if value is None else value


def insert_placeholders(value: Value, places: Mapping[str, Path]) -> Value:
    """Replace folders, also in their resolved spelling, by placeholders; earlier `places` take precedence."""
    if isinstance(value, tuple):
        return tuple(str(insert_placeholders(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    text = value.replace("{", "{{")
    if "/" not in text:
        return text
    for name, folder in places.items():
        for spelling in dict.fromkeys([str(folder), str(folder.resolve())]):
            # Match complete paths only: /a/cache is not in /a/cache.old, nor in /b/a/cache.
            pattern = rf"(?<![\w./-]){re.escape(spelling.replace('{', '{{'))}(?![\w.-])"
            text = re.sub(pattern, f"{{{name}}}", text)
    return text


def insert_paths(value: Value, places: Mapping[str, Path]) -> Value:
    """Replace placeholders by their folders."""
    if isinstance(value, tuple):
        return tuple(str(insert_paths(each, places)) for each in value)
    if not isinstance(value, str):
        return value
    return _PLACEHOLDER.sub(lambda match: str(places[match[1]]) if match[1] else "{", value)
