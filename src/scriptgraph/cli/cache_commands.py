"""`cm find cache`, `cm show cache`, `cm rm cache`: what is kept, whether it is whole, and how it goes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.contents import OTHER_LAYOUT, SHORT_KEY, Kept, remove_entries, remove_leftovers, standing_on
from scriptgraph.cache.inventory import changed_contents
from scriptgraph.cli.cache_lists import amount, block, lines_of, look, told, totals
from scriptgraph.cli.options import read_listing
from scriptgraph.cli.tables import Section, show_sections, size_text
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.cache.contents import Leftover
    from scriptgraph.cli.cache_lists import Shown
    from scriptgraph.cli.options import Listing
    from scriptgraph.product import Product


def find_cache(command: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """List entries, one a line, with totals."""
    asked = read_listing(command, of=product)
    shown = look(asked)
    _say(asked, lines_of(shown))
    return told(shown)


def show_cache(command: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """Tell all that is known of entries; with --verify, compare every file with its hash."""
    asked = read_listing(command, ("verify",), product)
    shown = look(asked)
    answer = told(shown)
    if "verify" in asked.on:
        answer |= _verified(shown, answer["entries"])
    titles = {each.key: each.title for each in shown.entries}
    _say(asked, [*(block(each, titles) for each in answer["entries"]), *totals(shown)])
    return answer


def _verified(shown: Shown, entries: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Put into each entry what is wrong with it; give the error, where anything is."""
    damaged = []
    for entry in entries:
        noticed = shown.cache.damage(entry["key"])
        found = [noticed, *changed_contents(shown.cache.path(entry["key"]))]
        entry["damages"] = list(dict.fromkeys(each for each in found if each))
        damaged += [f"{entry['key'][:SHORT_KEY]} ({entry['title']})"] if entry["damages"] else []
    if not damaged:
        return {}
    return {"error": f"damaged: {', '.join(damaged)}; cm rm cache KEY removes one, and the next run makes it again"}


@dataclass(frozen=True)
class _Going:
    """What is to be removed, and the entries made from it that stay."""

    entries: list[Kept] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    standing: list[Kept] = field(default_factory=list)

    @property
    def all(self) -> list[Kept | Leftover]:
        return [*self.entries, *self.leftovers]


def remove_cache(command: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """Remove entries, or with --partial what is no entry; asks on a terminal, and elsewhere wants -f."""
    asked = read_listing(command, ("f", "force", "partial", "dependants"), product)
    shown = look(asked)
    going = _going(asked, shown)
    answer: dict[str, Any] = {"removed": [], "in_use": [], "dependants": [each.key for each in going.standing]}
    if not going.all:
        _say(asked, [Section(f"{shown.cache.root}: nothing to remove")])
        return answer
    _say(asked, _announced(going))
    if not asked.on & {"f", "force"} and not agreed(as_json=asked.as_json):
        return {**answer, "error": "nothing was removed; add -f to remove without being asked"}
    in_use: list[Kept | Leftover] = [
        *remove_entries(shown.cache, going.entries),
        *remove_leftovers(shown.cache, going.leftovers),
    ]
    gone = [each for each in going.all if each not in in_use]
    _say(asked, [Section(f"Removed: {_amount(gone)}")])
    answer |= {"removed": [each.key for each in gone], "in_use": [each.key for each in in_use]}
    if in_use:
        names = ", ".join(_named(each) for each in in_use)
        answer["error"] = f"in use by a run, and not removed: {names}; try again when it has ended"
    return answer


def _going(asked: Listing, shown: Shown) -> _Going:
    if "partial" in asked.on:
        if asked.query.text or "dependants" in asked.on:
            raise RequestError("--partial is about what is no entry; give it without tags, key and --dependants")
        return _Going(leftovers=[each for each in shown.leftovers if each.kind != OTHER_LAYOUT])
    standing = standing_on(shown.chosen, shown.entries)
    if "dependants" in asked.on:
        return _Going([*shown.chosen, *standing])
    return _Going(shown.chosen, standing=standing)


def _announced(going: _Going) -> list[Section]:
    rows = [(*_words(each), size_text(each.size_bytes)) for each in going.all]
    sections = [Section(f"To be removed: {_amount(going.all)}", rows)]
    if going.standing:
        stays = [_words(each) for each in going.standing]
        sections.append(Section("Made from these, and kept (--dependants removes them as well)", stays))
    return sections


def _words(each: Kept | Leftover) -> tuple[str, str]:
    return each.key[:SHORT_KEY], getattr(each, "title", "") or getattr(each, "kind", "")


def _named(each: Kept | Leftover) -> str:
    key, words = _words(each)
    return f"{key} ({words})"


def _amount(each: Sequence[Kept | Leftover]) -> str:
    entries = all(isinstance(one, Kept) for one in each)
    return amount(each, "entry", "entries") if entries else amount(each, "folder", "folders")


def agreed(*, as_json: bool) -> bool:
    """Ask whether what was listed shall go, where somebody is there to answer."""
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return input("Remove them? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _say(asked: Listing, sections: Sequence[Section]) -> None:
    if not asked.as_json:
        show_sections(sections)
