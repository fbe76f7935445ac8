"""`cm find cache`, `cm show cache`, `cm rm cache`: what is kept, whether it is whole, and how it goes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from scriptgraph.cache import contents
from scriptgraph.cache.contents import SHORT_KEY, StoredEntry
from scriptgraph.cache.inventory import changed_contents
from scriptgraph.cache.store import Cache
from scriptgraph.cli.run_options import places_of
from scriptgraph.cli.tables import Section, age_text, show_sections, size_text
from scriptgraph.errors import RequestError
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.cache.contents import Leftover
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.product import Product

_HEADER = ("key", "script", "size", "made", "last used", "needed by", "path")


class Shown(Immutable):
    """What a command is about: the whole store, and what of it was asked for."""

    arguments: Arguments
    cache: Cache
    entries: list[StoredEntry]
    chosen: list[StoredEntry]
    leftovers: list[Leftover]

    def say(self, *sections: Section) -> None:
        """Show sections, but to another program."""
        if not self.arguments.as_json:
            show_sections(sections)


def look(arguments: Arguments, product: Product) -> Shown:
    """Read the store; what is no entry is left out where only some entries are asked for.

    Raise CacheError if a key's beginning fits no entry, or several.
    """
    cache, query = Cache(places_of(arguments, product)[1]), parse_query(arguments.word)
    entries = contents.read_entries(cache)
    leftovers = [] if query.text else contents.read_leftovers(cache)
    return Shown(arguments, cache, entries, contents.choose(entries, query), leftovers)


def find_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """List entries, one a line, with totals."""
    shown = look(arguments, product)
    answer, now_ns = described(shown), time.time_ns()
    rows = [
        (
            each["key"][:SHORT_KEY],
            each["title"],
            size_text(each["size_bytes"]),
            age_text(each["made_ns"], now_ns),
            age_text(each["used_ns"], now_ns),
            ", ".join(key[:SHORT_KEY] for key in each["needed_by"]) or "-",
            each["path"],
        )
        for each in answer["entries"]
    ]
    shown.say(*([Section("", rows, _HEADER)] if rows else []), *totals(shown))
    return answer


def show_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """Tell all that is known of entries; with --verify, compare every file with its hash."""
    shown = look(arguments, product)
    answer = described(shown)
    if shown.arguments.on("verify"):
        for entry in answer["entries"]:
            found = [shown.cache.damage(entry["key"]), *changed_contents(shown.cache.path(entry["key"]))]
            entry["damages"] = list(dict.fromkeys(filter(None, found)))
    if damaged := [f"{each['key'][:SHORT_KEY]} ({each['title']})" for each in answer["entries"] if each.get("damages")]:
        remedy = "cm rm cache KEY removes one, and the next run makes it again"
        answer["error"] = f"damaged: {', '.join(damaged)}; {remedy}"
    titles = {each.key: each.title for each in shown.entries}
    shown.say(*(block(each, titles) for each in answer["entries"]), *totals(shown))
    return answer


def remove_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """Remove entries, or with --partial what is no entry; asks on a terminal, and elsewhere wants -f."""
    shown = look(arguments, product)
    cache, (entries, leftovers, standing) = shown.cache, _going(shown)
    going: list[StoredEntry | Leftover] = [*entries, *leftovers]
    answer: dict[str, Any] = {"removed": [], "in_use": [], "dependants": [each.key for each in standing]}
    if not going:
        shown.say(Section(f"{cache.root}: nothing to remove"))
        return answer
    rows = [(*_words(each), size_text(each.size_bytes)) for each in going]
    shown.say(Section(f"To be removed: {amount(going)}", rows))
    if standing:
        title = "Made from these, and kept (--dependants removes them as well)"
        shown.say(Section(title, [_words(each) for each in standing]))
    if not arguments.on("f") and not agreed(as_json=arguments.as_json):
        return {**answer, "error": "nothing was removed; add -f to remove without being asked"}
    in_use: list[StoredEntry | Leftover] = [*contents.remove_entries(cache, entries)]
    in_use += contents.remove_leftovers(cache, leftovers)
    gone = [each for each in going if each not in in_use]
    shown.say(Section(f"Removed: {amount(gone)}"))
    answer |= {"removed": [each.key for each in gone], "in_use": [each.key for each in in_use]}
    if in_use:
        names = ", ".join("{} ({})".format(*_words(each)) for each in in_use)
        answer["error"] = f"in use by a run, and not removed: {names}; try again when it has ended"
    return answer


def _going(shown: Shown) -> tuple[list[StoredEntry], list[Leftover], list[StoredEntry]]:
    """Return the entries and leftovers to be removed, and the entries made from them that stay."""
    arguments = shown.arguments
    if arguments.on("partial"):
        if arguments.word.strip() or arguments.on("dependants"):
            raise RequestError("--partial is about what is no entry; give it without tags, key and --dependants")
        return [], [each for each in shown.leftovers if each.kind != contents.OTHER_LAYOUT], []
    standing = contents.all_dependants(shown.chosen, shown.entries)
    return ([*shown.chosen, *standing], [], []) if arguments.on("dependants") else (shown.chosen, [], standing)


def described(shown: Shown) -> dict[str, Any]:
    """Return the structure that `--out=json` prints; times are Unix time in nanoseconds."""
    above = contents.direct_dependants(shown.entries)
    return {
        "cache": str(shown.cache.root),
        "entries": [
            {
                "key": each.key,
                "title": each.title,
                "tags": sorted(each.tags),
                "variations": sorted(each.variations),
                "version": each.parts.get("version", ""),
                "path": str(each.path),
                "size_bytes": each.size_bytes,
                "made_ns": each.made_ns,
                "used_ns": each.used_ns,
                "reads": each.parts.get("reads", {}),
                "needs": list(each.needs),
                "needed_by": [other.key for other in above.get(each.key, ())],
            }
            for each in shown.chosen
        ],
        "size_bytes": sum(each.size_bytes for each in shown.chosen),
        "leftovers": [
            {"kind": each.kind, "path": str(each.path), "key": each.key, "size_bytes": each.size_bytes}
            for each in shown.leftovers
        ],
        "leftovers_size_bytes": sum(each.size_bytes for each in shown.leftovers),
    }


def totals(shown: Shown) -> list[Section]:
    """Return the totals, and what is no entry."""
    rows = [(each.kind, size_text(each.size_bytes), str(each.path)) for each in shown.leftovers]
    title = f"No entries: {amount(shown.leftovers)}; cm rm cache --partial removes them"
    return [Section(f"{shown.cache.root}: {amount(shown.chosen)}"), *([Section(title, rows)] if rows else [])]


def amount(each: Sequence[StoredEntry | Leftover]) -> str:
    """Write how many there are and what they take: "2 entries, 3.1 MB"."""
    one, many = ("entry", "entries") if all(isinstance(every, StoredEntry) for every in each) else ("folder", "folders")
    return f"{len(each)} {one if len(each) == 1 else many}, {size_text(sum(every.size_bytes for every in each))}"


def block(entry: Mapping[str, Any], titles: Mapping[str, str]) -> Section:
    """Return all that is known of an entry, as `described` has it; `titles` names other entries by their keys."""
    now_ns = time.time_ns()

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


def _words(each: StoredEntry | Leftover) -> tuple[str, str]:
    return each.key[:SHORT_KEY], getattr(each, "title", "") or getattr(each, "kind", "")


def agreed(*, as_json: bool) -> bool:
    """Ask whether what was listed shall go, where somebody is there to answer."""
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return input("Remove them? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False
