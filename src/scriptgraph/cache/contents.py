"""What the cache holds, and its removal: entries, what depends on which, unfinished downloads and leftovers.

An entry leaves the store in one step and is deleted then; what is in use stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.inventory import disk_bytes, remove_tree
from scriptgraph.cache.store import ENTRY_FILE, LAYOUT
from scriptgraph.errors import CacheError, DocumentError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.cache.store import Cache
    from scriptgraph.manifest.queries import Query

SHORT_KEY = 12
_KEY = re.compile(r"[0-9a-f]{6,64}")
_WHOLE_KEY = re.compile(r"[0-9a-f]{64}")
_LAYOUT = re.compile(r"v\d+")
# A path into another entry, as an identity has it.
_INTO_ENTRY = re.compile(r"\{cache\}/v\d+/[0-9a-f]{2}/([0-9a-f]{64})")


@dataclass(frozen=True)
class Kept:
    """An entry as its files tell it.

    Attributes:
        title: the script's alias with the variations that were on; its key's beginning where nothing tells.
        tags: the script's tags, alias among them.
        needs: the keys of the entries that it was made from: its dependencies', and those that it was given paths into.
        parts: all that its key is a hash of.
        made_ns, used_ns: Unix time; None where it is not known.
        size_bytes: what it takes on the disk.
    """

    key: str
    path: Path
    title: str
    tags: frozenset[str] = frozenset()
    variations: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    made_ns: int | None = None
    used_ns: int | None = None
    size_bytes: int = 0


@dataclass(frozen=True)
class Leftover:
    """A folder that is no entry: kind says what it is, `key` whose it was ("" where that is not told)."""

    path: Path
    kind: str
    key: str
    size_bytes: int


UNFINISHED, HALF_MADE, OTHER_LAYOUT = "unfinished download", "left half made or half removed", "of another version"


def read_entries(cache: Cache) -> list[Kept]:
    """Read all entries, by title and then by key."""
    found = (path for path in cache.entries_folder.glob("??/*") if _WHOLE_KEY.fullmatch(path.name))
    return sorted((_read(cache, path) for path in found), key=lambda each: (each.title, each.key))


def _read(cache: Cache, path: Path) -> Kept:
    bare = Kept(
        key=path.name,
        path=path,
        title=f"? {path.name[:SHORT_KEY]}",
        used_ns=cache.locks.used_ns(path.name),
        size_bytes=disk_bytes(path),
    )
    try:
        meta = read_json(path / ENTRY_FILE, paths=True)
        parts = dict(meta["parts"])
        given = (key for value in parts["reads"].values() for key in _INTO_ENTRY.findall(value))
        return replace(
            bare,
            title=str(meta["title"]),
            tags=frozenset({*map(str, meta["tags"]), str(meta["alias"])}),
            variations=frozenset(map(str, parts["variations"])),
            needs=tuple(dict.fromkeys((*map(str, parts["dependencies"]), *given))),
            parts=parts,
            made_ns=int(meta["made_ns"]),
        )
    except (DocumentError, ValueError, KeyError, TypeError, AttributeError):
        return bare


def read_leftovers(cache: Cache) -> list[Leftover]:
    """List what is no entry: unfinished downloads, what killed runs left, entries of other versions of this program."""
    folders = [(UNFINISHED, path) for path in cache.partial_folder.glob("*")]
    folders += [(HALF_MADE, path) for path in cache.making_folder.glob("*")]
    layouts = (path for path in cache.root.glob("v*") if _LAYOUT.fullmatch(path.name))
    folders += [(OTHER_LAYOUT, path) for path in layouts if path.name != LAYOUT]
    return [
        Leftover(path, kind, "" if kind == OTHER_LAYOUT else path.name.partition(".")[0], disk_bytes(path))
        for kind, path in sorted(folders)
    ]


def choose(entries: Sequence[Kept], query: Query) -> list[Kept]:
    """Choose by the beginning of a key, or by tags and variations; all where nothing is asked.

    Raises:
        CacheError: a key's beginning fits no entry, or several.
    """
    if len(query.required) == 1 and not (query.variations or query.excluded or query.without):
        word = query.required[0]
        fitting = [each for each in entries if each.key.startswith(word)] if _KEY.fullmatch(word) else []
        if len(fitting) > 1:
            listed = ", ".join(each.key[: SHORT_KEY + len(word)] for each in fitting)
            raise CacheError(f"{word}: {len(fitting)} keys begin so ({listed}); give more of it")
        if fitting:
            return fitting
        if _KEY.fullmatch(word) and not any(word in each.tags for each in entries):
            raise CacheError(f"{word}: no entry's key begins so; cm find cache lists them")
    return [
        each
        for each in entries
        if each.tags.issuperset(query.required)
        and each.tags.isdisjoint(query.excluded)
        and each.variations.issuperset(query.variations)
        and each.variations.isdisjoint(query.without)
    ]


def dependants(entries: Iterable[Kept]) -> Mapping[str, tuple[Kept, ...]]:
    """Return for each key the entries that were made from its entry directly."""
    found: dict[str, tuple[Kept, ...]] = {}
    for each in entries:
        for key in each.needs:
            found[key] = (*found.get(key, ()), each)
    return found


def standing_on(chosen: Sequence[Kept], entries: Iterable[Kept]) -> list[Kept]:
    """Return the entries that depend on those chosen, directly or through others, and are not chosen themselves."""
    direct = dependants(entries)
    taken = {each.key for each in chosen}
    found: dict[str, Kept] = {}
    waiting = list(chosen)
    while waiting:
        new = [each for each in direct.get(waiting.pop().key, ()) if each.key not in taken | found.keys()]
        found |= {each.key: each for each in new}
        waiting += new
    return sorted(found.values(), key=lambda each: (each.title, each.key))


def remove_entries(cache: Cache, entries: Iterable[Kept]) -> list[Kept]:
    """Remove entries; return those that a run makes or uses at this moment, which stay."""
    in_use = []
    for entry in entries:
        with cache.locks.alone(entry.key) as free:
            aside = cache.set_aside(entry.key) if free else None
            if not free:
                in_use.append(entry)
            if aside is not None:
                remove_tree(aside)
    return in_use


def remove_leftovers(cache: Cache, leftovers: Iterable[Leftover]) -> list[Leftover]:
    """Remove what is no entry; return what a run works on at this moment, which stays.

    Entries of another version stay too: that version may still be used.
    """
    in_use = []
    for each in leftovers:
        if each.kind == OTHER_LAYOUT:
            continue
        with cache.locks.alone(each.key) as free:
            if not free:
                in_use.append(each)
            elif each.path.is_dir():
                remove_tree(each.path)
            else:
                each.path.unlink(missing_ok=True)
    return in_use
