"""Which variations are on: groups, defaults, bases, aliases, `#` values, combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from scriptgraph.errors import VariationError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptgraph.manifest.types import Manifest, Values, Variation


class Chosen(Immutable):
    """A variation that is on: its written name ("size.500"), its entry, the value for `#`, and why it is on."""

    written: str
    variation: Variation
    value: str = ""
    why: str = ""

    def fill(self, values: Values) -> Values:
        """Put the value in the place of `#` in a block of environment."""
        if not self.value:
            return values
        return {k: v.replace("#", self.value) if isinstance(v, str) else v for k, v in values.items()}


class _Choice:
    """One choice in the making; `choose_variations` is the way in."""

    def __init__(self, manifest: Manifest, without: Sequence[str]) -> None:
        self.manifest = manifest
        self.without = frozenset(self.find(written).written for written in without)
        self.on: dict[str, Chosen] = {}
        self.group_owner: dict[str, str] = {}

    def find(self, written: str, through: tuple[str, ...] = ()) -> Chosen:
        """Look a written variation up, through aliases and `#`."""
        if written in through:
            self._fail(f"variations are aliases of each other in a circle: {_circle(through, written)}")
        known = self.manifest.variations
        if written in known and "," not in written and not written.endswith(".#"):
            entry = known[written]
            return self.find(entry.alias, (*through, written)) if entry.alias else Chosen(written, entry)
        prefix, dot, value = written.partition(".")
        pattern = known.get(f"{prefix}.#") if dot and value else None
        if pattern is not None:
            return Chosen(written, pattern, value)
        valid = tuple(name for name in known if "," not in name)
        raise VariationError(
            self.manifest.alias, f"has no variation _{written}", valid, nearest(f"_{written}", ("_" + n for n in valid))
        )

    def turn_on(self, written: str, why: str, above: tuple[str, ...] = ()) -> None:
        """Turn a variation on, its bases before it; `above` are those whose base it is."""
        chosen = self.find(written)
        if chosen.written in self.on:
            return
        if chosen.written in above:
            self._fail(f"variations stand on each other in a circle: {_circle(above, chosen.written)}")
        group = chosen.variation.group
        if group in self.group_owner:
            both = f"_{self.group_owner[group]} and _{chosen.written}{why}"
            self._fail(f"{both} exclude each other (group {group!r}); keep one", group)
        if group:
            self.group_owner[group] = chosen.written
        for base in chosen.variation.base:
            self.turn_on(base, f" (base of _{chosen.written})", (*above, chosen.written))
        self.on[chosen.written] = chosen.replaced(why=why.strip(" ()") or "asked for")

    def turn_on_defaults(self) -> None:
        """Turn on each default; of a group in which nothing is on, what the others or the group itself prefer."""
        for entry in self.manifest.variations.values():
            if entry.default and not entry.group and self._allowed(entry.name):
                self.turn_on(entry.name, " (a default)")
        while (preferred := self._next_preferred()) is not None:
            group, name = preferred
            if self.find(name).variation.group != group:
                self._fail(f"_{name} is preferred for the group {group!r}, to which it does not belong", group)
            self.turn_on(name, f" (the default of group {group!r})")

    def _next_preferred(self) -> tuple[str, str] | None:
        """Find the next group to fill: as what is on prefers, else by a default of its own.

        Of these, one that has preferences itself goes first, so that the order in the manifest does not matter.
        """
        preferred = [each for chosen in self.on.values() for each in chosen.variation.default_variations.items()]
        own = [entry for entry in self.manifest.variations.values() if entry.default and entry.group]
        own.sort(key=lambda entry: not entry.default_variations)
        candidates = (*preferred, *((entry.group, entry.name) for entry in own))
        return next((each for each in candidates if each[0] not in self.group_owner and self._allowed(each[1])), None)

    def _allowed(self, name: str) -> bool:
        return self.find(name).written not in self.without

    def _fail(self, problem: str, group: str = "") -> NoReturn:
        members = [name for name, entry in self.manifest.variations.items() if group and entry.group == group]
        raise VariationError(self.manifest.alias, problem, members)

    def combinations(self) -> list[Chosen]:
        """Give the entries `a,b` all of whose parts are on."""
        names = {name for each in self.on.values() for name in (each.written, each.variation.name)}
        return [
            Chosen(name, entry, why="all of its parts are on")
            for name, entry in self.manifest.variations.items()
            if "," in name and set(name.split(",")) <= names
        ]


def _circle(names: Sequence[str], again: str) -> str:
    return " > ".join(f"_{name}" for name in (*names[names.index(again) :], again))


def choose_variations(manifest: Manifest, wanted: Sequence[str], without: Sequence[str] = ()) -> tuple[Chosen, ...]:
    """Settle which variations of a script are on, in the order in which they apply.

    Defaults come first, then what was asked for (bases before what stands on them), then
    combinations.

    Raises:
        VariationError: a variation is unknown, or two of one group are asked for.
    """
    choice = _Choice(manifest, without)
    for written in wanted:
        choice.turn_on(written, "")
    asked = tuple(choice.on)
    choice.turn_on_defaults()
    defaults = [each for name, each in choice.on.items() if name not in asked]
    return (*defaults, *(choice.on[name] for name in asked), *choice.combinations())
