"""List and remove the cache's contents: entries, their dependants, unfinished downloads and leftovers.

An entry is first renamed out of the store in one step, then deleted. Entries in use stay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.inventory import disk_bytes, remove_tree
from scriptgraph.cache.store import ENTRY_FILE, LAYOUT
from scriptgraph.errors import CacheError, DocumentError
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.cache.store import Cache
    from scriptgraph.manifest.queries import Query

SHORT_KEY = 12
_KEY = re.compile(r"[0-9a-f]{6,64}")
_WHOLE_KEY = re.compile(r"[0-9a-f]{64}")
_LAYOUT = re.compile(r"v\d+")
# A path into another entry, in the form of `Cache.movable`.
_INTO_ENTRY = re.compile(r"\{cache\}/v\d+/[0-9a-f]{2}/([0-9a-f]{64})")


class StoredEntry(Immutable):
    """An entry, as described by its files.

    Attributes:
        key: its key, 64 hexadecimal digits.
        path: its folder.
        title: the script's alias with its active variations; the start of the key if the description is unreadable.
        tags: the script's tags and alias.
        variations: the active variations.
        needs: the keys of the entries it was made from: those of its dependencies and those it got paths into.
        parts: the inputs of the key's hash.
        made_ns: Unix time in nanoseconds; None if unknown.
        used_ns: the same of its last use.
        size_bytes: its size on disk.
    """

    key: str
    path: Path
    title: str
    tags: frozenset[str] = frozenset()
    variations: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    parts: Mapping[str, Any] = NOTHING
    made_ns: int | None = None
    used_ns: int | None = None
    size_bytes: int = 0


class Leftover(Immutable):
    """A folder that is not an entry.

    Attributes:
        path: the folder.
        kind: UNFINISHED, HALF_MADE or OTHER_LAYOUT.
        key: the key of the entry it belongs to; empty if unknown.
        size_bytes: its size on disk.
    """

    path: Path
    kind: str
    key: str
    size_bytes: int


UNFINISHED, HALF_MADE, OTHER_LAYOUT = "unfinished download", "left half made or half removed", "of another version"


def read_entries(cache: Cache) -> list[StoredEntry]:
    """Read all entries, sorted by title and key."""
    paths = (path for path in cache.entries_folder.glob("??/*") if _WHOLE_KEY.fullmatch(path.name))
    return sorted((_read(cache, path) for path in paths), key=lambda each: (each.title, each.key))


def _read(cache: Cache, path: Path) -> StoredEntry:
    bare = StoredEntry(
        key=path.name,
        path=path,
        title=f"? {path.name[:SHORT_KEY]}",
        used_ns=cache.locks.used_ns(path.name),
        size_bytes=disk_bytes(path),
    )
    try:
        meta = read_json(path / ENTRY_FILE, paths=True)
        parts = dict(meta["parts"])
        read_from = (key for value in parts["reads"].values() for key in _INTO_ENTRY.findall(value))
        return bare.replaced(
            title=str(meta["title"]),
            tags=frozenset({*map(str, meta["tags"]), str(meta["alias"])}),
            variations=frozenset(map(str, parts["variations"])),
            needs=tuple(dict.fromkeys((*map(str, parts["dependencies"]), *read_from))),
            parts=parts,
            made_ns=int(meta["made_ns"]),
        )
    except (DocumentError, ValueError, KeyError, TypeError, AttributeError):
        return bare


def read_leftovers(cache: Cache) -> list[Leftover]:
    """Read the folders that are not entries: downloads, remains of killed runs, entries of other versions."""
    folders = [(UNFINISHED, path) for path in cache.partial_folder.glob("*")]
    folders += [(HALF_MADE, path) for path in cache.making_folder.glob("*")]
    layouts = (path for path in cache.root.glob("v*") if _LAYOUT.fullmatch(path.name))
    folders += [(OTHER_LAYOUT, path) for path in layouts if path.name != LAYOUT]
    return [
        Leftover(path, kind, "" if kind == OTHER_LAYOUT else path.name.partition(".")[0], disk_bytes(path))
        for kind, path in sorted(folders)
    ]


def choose(entries: Sequence[StoredEntry], query: Query) -> list[StoredEntry]:
    """Choose entries by the start of a key, or by tags and variations; an empty query chooses all.

    Raises:
        CacheError: no key or more than one key starts like this.
    """
    if len(query.required) == 1 and not (query.variations or query.excluded or query.without):
        word = query.required[0]
        fitting = [each for each in entries if each.key.startswith(word)] if _KEY.fullmatch(word) else []
        if len(fitting) > 1:
            listed = ", ".join(each.key[: SHORT_KEY + len(word)] for each in fitting)
            raise CacheError(f"{word}: is the start of {len(fitting)} keys ({listed}); add more digits")
        if fitting:
            return fitting
        if _KEY.fullmatch(word) and not any(word in each.tags for each in entries):
            raise CacheError(f"{word}: no key starts like this; list the keys with cm find cache")
    return [
        each
        for each in entries
        if each.tags.issuperset(query.required)
        and each.tags.isdisjoint(query.excluded)
        and each.variations.issuperset(query.variations)
        and each.variations.isdisjoint(query.without)
    ]


def direct_dependants(entries: Iterable[StoredEntry]) -> Mapping[str, tuple[StoredEntry, ...]]:
    """Return for each key the entries made directly from its entry."""
    dependants: dict[str, tuple[StoredEntry, ...]] = {}
    for each in entries:
        for key in each.needs:
            dependants[key] = (*dependants.get(key, ()), each)
    return dependants


def all_dependants(chosen: Sequence[StoredEntry], entries: Iterable[StoredEntry]) -> list[StoredEntry]:
    """Return the entries made from the chosen ones, directly or through others, without the chosen ones."""
    direct = direct_dependants(entries)
    chosen_keys = {each.key for each in chosen}
    found: dict[str, StoredEntry] = {}
    waiting = list(chosen)
    while waiting:
        new = [each for each in direct.get(waiting.pop().key, ()) if each.key not in chosen_keys | found.keys()]
        found |= {each.key: each for each in new}
        waiting += new
    return sorted(found.values(), key=lambda each: (each.title, each.key))


def remove_entries(cache: Cache, entries: Iterable[StoredEntry]) -> list[StoredEntry]:
    """Remove entries; return those that stay because a run is making or using them."""
    in_use = []
    for entry in entries:
        with cache.locks.exclusive(entry.key) as free:
            aside = cache.set_aside(entry.key) if free else None
            if not free:
                in_use.append(entry)
            if aside is not None:
                remove_tree(aside)
    return in_use


def remove_leftovers(cache: Cache, leftovers: Iterable[Leftover]) -> list[Leftover]:
    """Remove folders that are not entries; return those that stay because a run is using them.

    Entries of another version stay too, because that version may still be in use; they are not returned.
    """
    in_use = []
    for each in leftovers:
        if each.kind == OTHER_LAYOUT:
            continue
        with cache.locks.exclusive(each.key) as free:
            if not free:
                in_use.append(each)
            elif each.path.is_dir():
                remove_tree(each.path)
            else:
                each.path.unlink(missing_ok=True)
    return in_use
