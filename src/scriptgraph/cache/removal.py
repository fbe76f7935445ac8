"""Remove from the cache: an entry leaves the store in one step and is deleted then; what is in use stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.cache.contents import OTHER_LAYOUT
from scriptgraph.cache.folders import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.cache.contents import Kept, Leftover
    from scriptgraph.cache.store import Cache


def remove_entries(cache: Cache, entries: Iterable[Kept]) -> list[Kept]:
    """Remove entries; give those that a run makes or uses at this moment, which stay."""
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
    """Remove what is no entry; give what a run works on at this moment, which stays.

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
