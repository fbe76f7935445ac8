"""The sample's world: its words, what it says of its people, and how it asks for it; all in world.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Item = TypeVar("Item")

_WORLD = json.loads(resources.files(__package__).joinpath("world.json").read_text(encoding="utf-8"))
WORDS: dict[str, tuple[str, ...]] = {name: tuple(words) for name, words in _WORLD["words"].items()}
"""The words by what they are for; each of the `things` occurs once in a paragraph, and facts are told of it."""


class Dice:
    """Draws that are the same on every Python: only `random()` is promised to be that."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self._source.random() < probability

    def fraction(self) -> float:
        """Return a number from 0 up to, but not including, 1."""
        return self._source.random()

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._source.random() * limit)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


def _joined(dice: Dice, *parts: str) -> str:
    return "".join(dice.pick(WORDS[part]) for part in parts)


def _person(dice: Dice) -> str:
    return f"{dice.pick(WORDS['first_names'])} {surname(dice)}"


def surname(dice: Dice) -> str:
    """Make up a last name of several word pieces, now and then a double one."""
    middle = dice.pick(WORDS["surname_middles"]) if dice.chance(0.4) else ""
    single = dice.pick(WORDS["surname_starts"]) + middle + dice.pick(WORDS["surname_ends"])
    return f"{single}-{_joined(dice, 'surname_starts', 'surname_ends')}" if dice.chance(0.08) else single


def _town(dice: Dice) -> str:
    name = _joined(dice, "town_starts", "town_ends")
    if dice.chance(0.15):
        return f"{dice.pick(WORDS['town_first_words'])} {name}"
    return name + dice.pick(WORDS["town_tails"]) if dice.chance(0.12) else name


_INVENTED: dict[str, Callable[[Dice], str]] = {
    "person": _person,
    "town": _town,
    "year": lambda dice: str(1780 + dice.below(220)),
    "count": lambda dice: f"{100 + dice.below(900) if dice.chance(0.4) else 1000 + dice.below(8999):,}",
    "firm": lambda dice: _joined(dice, "surname_starts", "surname_ends", "firm_tails"),
    "title": lambda dice: " ".join(dice.pick(WORDS[f"title_{part}"]) for part in ("first", "middle", "last")),
}
"""Values that are no word of a list."""


@dataclass(frozen=True)
class Relation:
    """One kind of fact.

    Attributes:
        clauses: how a text says it; `{thing}` is what it is about, `{}` the value.
        questions: how a question asks for it; `{}` is the thing.
        kind: of the value: one of the lists of words, or invented.
        before: what another annotator might take along in front of the value.
    """

    clauses: tuple[str, ...]
    questions: tuple[str, ...]
    kind: str
    before: str

    def value(self, dice: Dice) -> str:
        """Make up a value."""
        invent = _INVENTED.get(self.kind)
        return dice.pick(WORDS[self.kind]) if invent is None else invent(dice)


RELATIONS = tuple(
    Relation(tuple(each["clauses"]), tuple(each["questions"]), each["value"], each["before"])
    for each in _WORLD["relations"]
)
