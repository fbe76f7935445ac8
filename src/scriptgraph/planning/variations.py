"""Choose variations: groups, defaults, bases, aliases, `#` values, combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from scriptgraph.errors import VariationError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptgraph.manifest.types import Manifest, Values, Variation


class ChosenVariation(Immutable):
    """A variation that is on: its name as written ("size.500"), its entry, the value for `#`, and the reason."""

    written: str
    variation: Variation
    value: str = ""
    why: str = ""

    def fill(self, values: Values) -> Values:
        """Replace `#` by the value in a mapping of environment values."""
        if not self.value:
            return values
        return {k: v.replace("#", self.value) if isinstance(v, str) else v for k, v in values.items()}


class _Choice:
    """The state of one call of `choose_variations`."""

    def __init__(self, manifest: Manifest, without: Sequence[str]) -> None:
        self.manifest = manifest
        self.without = frozenset(self.find(written).written for written in without)
        self.on: dict[str, ChosenVariation] = {}
        self.group_owner: dict[str, str] = {}

    def find(self, written: str, through: tuple[str, ...] = ()) -> ChosenVariation:
        """Look up a variation as written, following aliases and `#` patterns."""
        if written in through:
            self._fail(f"these aliases form a cycle: {_circle(through, written)}")
        known = self.manifest.variations
        if written in known and "," not in written and not written.endswith(".#"):
            entry = known[written]
            return self.find(entry.alias, (*through, written)) if entry.alias else ChosenVariation(written, entry)
        prefix, dot, value = written.partition(".")
        pattern = known.get(f"{prefix}.#") if dot and value else None
        if pattern is not None:
            return ChosenVariation(written, pattern, value)
        valid = tuple(name for name in known if "," not in name)
        raise VariationError(
            self.manifest.alias, f"has no variation _{written}", valid, nearest(f"_{written}", ("_" + n for n in valid))
        )

    def turn_on(self, written: str, why: str, above: tuple[str, ...] = ()) -> None:
        """Turn on a variation after its bases; `above` are the variations that it is a base of."""
        chosen = self.find(written)
        if chosen.written in self.on:
            return
        if chosen.written in above:
            self._fail(f"these base variations form a cycle: {_circle(above, chosen.written)}")
        group = chosen.variation.group
        if group in self.group_owner:
            both = f"_{self.group_owner[group]} and _{chosen.written}{why}"
            self._fail(f"{both} exclude each other (group {group!r}); keep one", group)
        if group:
            self.group_owner[group] = chosen.written
        for base in chosen.variation.base:
            self.turn_on(base, f" (base of _{chosen.written})", (*above, chosen.written))
        self.on[chosen.written] = chosen.replaced(why=why.strip(" ()") or "requested")

    def turn_on_defaults(self) -> None:
        """Turn on defaults; for an empty group the one preferred by other variations, else by the group."""
        for entry in self.manifest.variations.values():
            if entry.default and not entry.group and self._allowed(entry.name):
                self.turn_on(entry.name, " (a default)")
        while (preferred := self._next_preferred()) is not None:
            group, name = preferred
            if self.find(name).variation.group != group:
                self._fail(f"default_variations names _{name} for the group {group!r}, but it is not a member", group)
            self.turn_on(name, f" (the default of group {group!r})")

    def _next_preferred(self) -> tuple[str, str] | None:
        """Return the next group to fill, and its variation: preferred by one that is on, else the group's default.

        Defaults with preferences of their own go first, so that the order in the manifest does not matter.
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

    def combinations(self) -> list[ChosenVariation]:
        """Return the combinations `a,b` whose parts are all on."""
        names = {name for each in self.on.values() for name in (each.written, each.variation.name)}
        return [
            ChosenVariation(name, entry, why="all of its parts are on")
            for name, entry in self.manifest.variations.items()
            if "," in name and set(name.split(",")) <= names
        ]


def _circle(names: Sequence[str], again: str) -> str:
    return " > ".join(f"_{name}" for name in (*names[names.index(again) :], again))


def choose_variations(
    manifest: Manifest, requested: Sequence[str], without: Sequence[str] = ()
) -> tuple[ChosenVariation, ...]:
    """Choose the variations of a script, in the order in which they apply.

    Defaults come first, then the requested ones (each after its bases), then combinations.

    Raises:
        VariationError: a variation is unknown, or two of one group are requested.
    """
    choice = _Choice(manifest, without)
    for written in requested:
        choice.turn_on(written, "")
    names = tuple(choice.on)
    choice.turn_on_defaults()
    defaults = [each for name, each in choice.on.items() if name not in names]
    return (*defaults, *(choice.on[name] for name in names), *choice.combinations())
