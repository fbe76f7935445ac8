"""What is told of the cache: as a structure, and as sections of text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.contents import SHORT_KEY, choose, dependants, read_entries, read_leftovers
from scriptgraph.cache.store import Cache
from scriptgraph.cli.tables import Section, age_text, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.cache.contents import Kept, Leftover
    from scriptgraph.cli.options import Listing

_HEADER = ("key", "script", "size", "made", "last used", "needed by", "path")


@dataclass(frozen=True)
class Shown:
    """What a command is about: the whole store, and what of it was asked for."""

    cache: Cache
    entries: list[Kept]
    chosen: list[Kept]
    leftovers: list[Leftover]


def look(asked: Listing) -> Shown:
    """Read the store; what is no entry is left out where only some entries are asked for.

    Raises:
        CacheError: a key's beginning fits no entry, or several.
    """
    cache = Cache(asked.cache)
    entries = read_entries(cache)
    return Shown(cache, entries, choose(entries, asked.query), [] if asked.query.text else read_leftovers(cache))


def total(each: Sequence[Kept | Leftover]) -> int:
    """Add up sizes, in bytes."""
    return sum(one.size_bytes for one in each)


def told(shown: Shown) -> dict[str, Any]:
    """Give the structure that `--out=json` prints; times are Unix time in nanoseconds."""
    above = dependants(shown.entries)
    return {
        "cache": str(shown.cache.root),
        "entries": [_entry(each, above.get(each.key, ())) for each in shown.chosen],
        "size_bytes": total(shown.chosen),
        "leftovers": [
            {"kind": each.kind, "path": str(each.path), "key": each.key, "size_bytes": each.size_bytes}
            for each in shown.leftovers
        ],
        "leftovers_size_bytes": total(shown.leftovers),
    }


def _entry(entry: Kept, above: Sequence[Kept]) -> dict[str, Any]:
    return {
        "key": entry.key,
        "title": entry.title,
        "tags": sorted(entry.tags),
        "variations": sorted(entry.variations),
        "version": entry.parts.get("version", ""),
        "path": str(entry.path),
        "size_bytes": entry.size_bytes,
        "made_ns": entry.made_ns,
        "used_ns": entry.used_ns,
        "reads": entry.parts.get("reads", {}),
        "needs": list(entry.needs),
        "needed_by": [each.key for each in above],
    }


def lines_of(shown: Shown, now_ns: int | None = None) -> list[Section]:
    """Give the entries one a line, and the totals."""
    now_ns = now_ns or time.time_ns()
    above = dependants(shown.entries)
    rows = [
        (
            each.key[:SHORT_KEY],
            each.title,
            size_text(each.size_bytes),
            age_text(each.made_ns, now_ns),
            age_text(each.used_ns, now_ns),
            ", ".join(other.key[:SHORT_KEY] for other in above.get(each.key, ())) or "-",
            str(each.path),
        )
        for each in shown.chosen
    ]
    return [*([Section("", rows, _HEADER)] if rows else []), *totals(shown)]


def totals(shown: Shown) -> list[Section]:
    """Give the totals, and what is no entry."""
    sections = [Section(f"{shown.cache.root}: {amount(shown.chosen, 'entry', 'entries')}")]
    if shown.leftovers:
        rows = [(each.kind, size_text(each.size_bytes), str(each.path)) for each in shown.leftovers]
        title = f"No entries: {amount(shown.leftovers, 'folder', 'folders')}; cm rm cache --partial removes them"
        sections.append(Section(title, rows))
    return sections


def amount(each: Sequence[Kept | Leftover], one: str, many: str) -> str:
    """Write how many there are and what they take: "2 entries, 3.1 MB"."""
    return f"{len(each)} {one if len(each) == 1 else many}, {size_text(total(each))}"


def block(entry: Mapping[str, Any], titles: Mapping[str, str], now_ns: int | None = None) -> Section:
    """Give all that is known of an entry, as `told` has it; `titles` names other entries by their keys."""
    now_ns = now_ns or time.time_ns()

    def named(keys: Sequence[str]) -> str:
        return ", ".join(f"{key[:SHORT_KEY]} ({titles.get(key, 'removed')})" for key in keys) or "nothing kept"

    rows = [
        ("key", entry["key"]),
        ("path", entry["path"]),
        ("size", size_text(entry["size_bytes"])),
        ("made", age_text(entry["made_ns"], now_ns)),
        ("last used", age_text(entry["used_ns"], now_ns)),
        ("tags", ",".join((*entry["tags"], *(f"_{name}" for name in entry["variations"])))),
        ("made from", named(entry["needs"])),
        ("needed by", named(entry["needed_by"])),
        *((f"with {key}", str(value)) for key, value in entry["reads"].items()),
    ]
    if "damages" in entry:
        rows += [("damaged", damage) for damage in entry["damages"]] or [("whole", "every file has its hash")]
    return Section(entry["title"], rows)
