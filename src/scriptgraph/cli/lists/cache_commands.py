"""`cm find cache`, `cm show cache`, `cm rm cache`: list, verify and remove cache entries."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from scriptgraph.cache import contents
from scriptgraph.cache.contents import SHORT_KEY, StoredEntry
from scriptgraph.cache.inventory import changed_contents
from scriptgraph.cache.store import Cache
from scriptgraph.cli.artifacts import ARTIFACTS, FoundArtifact
from scriptgraph.cli.runs.run_options import home_folders
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


class CacheView(Immutable):
    """The cache as a command sees it: all entries, the chosen ones, and folders that are not entries."""

    arguments: Arguments
    cache: Cache
    entries: list[StoredEntry]
    chosen: list[StoredEntry]
    leftovers: list[Leftover]

    def say(self, *sections: Section) -> None:
        """Show sections unless another program reads the answer."""
        if not self.arguments.as_json:
            show_sections(sections)


def read_view(arguments: Arguments, product: Product) -> CacheView:
    """Read the cache; leftovers are included only if all entries are requested.

    Raises:
        CacheError: no key or more than one key starts like the requested one.
    """
    cache, query = Cache(home_folders(arguments, product)[1]), parse_query(arguments.word)
    entries = contents.read_entries(cache)
    leftovers = [] if query.text else contents.read_leftovers(cache)
    return CacheView(arguments, cache, entries, contents.choose(entries, query), leftovers)


def find_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """List entries, one per line, with totals."""
    view = read_view(arguments, product)
    answer, now_ns = described(view), time.time_ns()
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
    view.say(*([Section("", rows, _HEADER)] if rows else []), *totals(view))
    return {**answer, ARTIFACTS: [FoundArtifact(each["path"], partial(dict, each)) for each in answer["entries"]]}


def show_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """Show all properties of entries; with --verify, compare every file with its hash."""
    view = read_view(arguments, product)
    answer = described(view)
    if view.arguments.on("verify"):
        for entry in answer["entries"]:
            damages = [view.cache.damage(entry["key"]), *changed_contents(view.cache.path(entry["key"]))]
            entry["damages"] = list(dict.fromkeys(filter(None, damages)))
    if damaged := [f"{each['key'][:SHORT_KEY]} ({each['title']})" for each in answer["entries"] if each.get("damages")]:
        remedy = "remove them with cm rm cache KEY, and the next run makes them again"
        answer["error"] = f"damaged: {', '.join(damaged)}; {remedy}"
    titles = {each.key: each.title for each in view.entries}
    view.say(*(block(each, titles) for each in answer["entries"]), *totals(view))
    return answer


def remove_cache(arguments: Arguments, product: Product) -> dict[str, Any]:
    """Remove entries, or leftovers with --partial, after a confirmation on a terminal or -f."""
    view = read_view(arguments, product)
    cache, (entries, leftovers, staying) = view.cache, _choose_removals(view)
    removals: list[StoredEntry | Leftover] = [*entries, *leftovers]
    answer: dict[str, Any] = {"removed": [], "in_use": [], "dependants": [each.key for each in staying]}
    if not removals:
        view.say(Section(f"{cache.root}: nothing to remove"))
        return answer
    rows = [(*_key_and_title(each), size_text(each.size_bytes)) for each in removals]
    view.say(Section(f"To be removed: {amount(removals)}", rows))
    if staying:
        title = "Made from these, and kept (--dependants removes them as well)"
        view.say(Section(title, [_key_and_title(each) for each in staying]))
    if not arguments.on("f") and not confirmed(as_json=arguments.as_json):
        return {**answer, "error": "nothing was removed; add -f to remove without confirmation"}
    in_use: list[StoredEntry | Leftover] = [*contents.remove_entries(cache, entries)]
    in_use += contents.remove_leftovers(cache, leftovers)
    removed = [each for each in removals if each not in in_use]
    view.say(Section(f"Removed: {amount(removed)}"))
    answer |= {"removed": [each.key for each in removed], "in_use": [each.key for each in in_use]}
    if in_use:
        names = ", ".join("{} ({})".format(*_key_and_title(each)) for each in in_use)
        answer["error"] = f"in use by a run, and not removed: {names}; try again when the run has ended"
    return answer


def _choose_removals(view: CacheView) -> tuple[list[StoredEntry], list[Leftover], list[StoredEntry]]:
    """Return the entries and leftovers to remove, and the entries made from them that stay."""
    arguments = view.arguments
    if arguments.on("partial"):
        if arguments.word.strip() or arguments.on("dependants"):
            raise RequestError("--partial removes no entries; use it without tags, key and --dependants")
        return [], [each for each in view.leftovers if each.kind != contents.OTHER_LAYOUT], []
    dependants = contents.all_dependants(view.chosen, view.entries)
    return ([*view.chosen, *dependants], [], []) if arguments.on("dependants") else (view.chosen, [], dependants)


def described(view: CacheView) -> dict[str, Any]:
    """Return the structure that `--out=json` prints; times are Unix time in nanoseconds."""
    dependants = contents.direct_dependants(view.entries)
    return {
        "cache": str(view.cache.root),
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
                "needed_by": [other.key for other in dependants.get(each.key, ())],
            }
            for each in view.chosen
        ],
        "size_bytes": sum(each.size_bytes for each in view.chosen),
        "leftovers": [
            {"kind": each.kind, "path": str(each.path), "key": each.key, "size_bytes": each.size_bytes}
            for each in view.leftovers
        ],
        "leftovers_size_bytes": sum(each.size_bytes for each in view.leftovers),
    }


def totals(view: CacheView) -> list[Section]:
    """Return the totals, and the folders that are not entries."""
    rows = [(each.kind, size_text(each.size_bytes), str(each.path)) for each in view.leftovers]
    title = f"Leftovers: {amount(view.leftovers)}; cm rm cache --partial removes them"
    return [Section(f"{view.cache.root}: {amount(view.chosen)}"), *([Section(title, rows)] if rows else [])]


def amount(items: Sequence[StoredEntry | Leftover]) -> str:
    """Return the number and the size of items: "2 entries, 3.1 MB"."""
    one, many = ("entry", "entries") if all(isinstance(each, StoredEntry) for each in items) else ("folder", "folders")
    return f"{len(items)} {one if len(items) == 1 else many}, {size_text(sum(each.size_bytes for each in items))}"


def block(entry: Mapping[str, Any], titles: Mapping[str, str]) -> Section:
    """Return the section of an entry from `described`; `titles` maps keys of entries to their titles."""
    now_ns = time.time_ns()

    def named(keys: Sequence[str]) -> str:
        return ", ".join(f"{key[:SHORT_KEY]} ({titles.get(key, 'removed')})" for key in keys) or "no entry"

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
        rows += [("damaged", damage) for damage in entry["damages"]] or [("intact", "every file has its hash")]
    return Section(entry["title"], rows)


def _key_and_title(item: StoredEntry | Leftover) -> tuple[str, str]:
    return item.key[:SHORT_KEY], getattr(item, "title", "") or getattr(item, "kind", "")


def confirmed(*, as_json: bool) -> bool:
    """Whether the user confirms the removal; False without a terminal."""
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return input("Remove them? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False
