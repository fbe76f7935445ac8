"""Which variations are on: groups, defaults, bases, aliases, `#` values, combinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.errors import VariationError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptgraph.manifest import Manifest, Values, Variation


@dataclass(frozen=True)
class Chosen:
    """A variation that is on: its written name ("size.500"), its entry, the value for `#`."""

    written: str
    variation: Variation
    value: str = ""

    def fill(self, values: Values) -> Values:
        """Put the value in the place of `#` in a block of environment."""
        if not self.value:
            return values
        return {k: v.replace("#", self.value) if isinstance(v, str) else v for k, v in values.items()}


class _Choice:
    """One choice in the making; `choose_variations` is the way in."""

    def __init__(self, manifest: Manifest, without: Sequence[str]) -> None:
        self.manifest = manifest
        self.without = frozenset(without)
        self.on: dict[str, Chosen] = {}
        self.group_owner: dict[str, str] = {}

    def find(self, written: str) -> Chosen:
        """Look a written variation up, through aliases and `#`."""
        known = self.manifest.variations
        if written in known and "," not in written and not written.endswith(".#"):
            entry = known[written]
            return self.find(entry.alias) if entry.alias else Chosen(written, entry)
        prefix, dot, value = written.partition(".")
        pattern = known.get(f"{prefix}.#") if dot and value else None
        if pattern is not None:
            return Chosen(written, pattern, value)
        valid = tuple(name for name in known if "," not in name)
        raise VariationError(
            self.manifest.alias, f"has no variation _{written}", valid, nearest(f"_{written}", ("_" + n for n in valid))
        )

    def turn_on(self, written: str, why: str) -> None:
        """Turn a variation on, its bases before it."""
        chosen = self.find(written)
        if chosen.written in self.on:
            return
        group = chosen.variation.group
        owner = self.group_owner.get(group) if group else None
        if owner is not None:
            members = [name for name, entry in self.manifest.variations.items() if entry.group == group]
            raise VariationError(
                self.manifest.alias,
                f"_{owner} and _{chosen.written}{why} exclude each other (group {group!r}); keep one",
                members,
            )
        if group:
            self.group_owner[group] = chosen.written
        for base in chosen.variation.base:
            self.turn_on(base, f" (base of _{chosen.written})")
        self.on[chosen.written] = chosen

    def turn_on_defaults(self) -> None:
        """For each group in which nothing is on, turn on what the others or the group itself prefer."""
        preferred = {g: n for each in self.on.values() for g, n in each.variation.default_variations.items()}
        for entry in list(self.manifest.variations.values()):
            if entry.default and entry.group:
                preferred.setdefault(entry.group, entry.name)
            elif entry.default and entry.name not in self.without:
                self.turn_on(entry.name, " (a default)")
        for group, name in preferred.items():
            if group not in self.group_owner and name not in self.without:
                self.turn_on(name, f" (the default of group {group!r})")

    def combinations(self) -> list[Chosen]:
        """Give the entries `a,b` all of whose parts are on."""
        names = {name for each in self.on.values() for name in (each.written, each.variation.name)}
        return [
            Chosen(name, entry)
            for name, entry in self.manifest.variations.items()
            if "," in name and set(name.split(",")) <= names
        ]


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
