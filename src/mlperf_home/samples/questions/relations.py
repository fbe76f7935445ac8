"""What the sample says of its people, and how it asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.samples.questions import words

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Item = TypeVar("Item")


class Dice:
    """Draws that are the same on every Python: only `random()` is promised to be that."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def chance(self, probability: float) -> bool:
        """Say yes with the given probability."""
        return self._source.random() < probability

    def fraction(self) -> float:
        """Give a number from 0 up to, but not including, 1."""
        return self._source.random()

    def below(self, limit: int) -> int:
        """Give a whole number from 0 to limit - 1."""
        return int(self._source.random() * limit)

    def pick(self, items: Sequence[Item]) -> Item:
        """Give one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Give the items in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


def person(dice: Dice, first: str | None = None, last: str | None = None) -> str:
    """Make up a full name, around a given first or last name if there is one."""
    return f"{first or dice.pick(words.FIRST_NAMES)} {last or surname(dice)}"


def surname(dice: Dice) -> str:
    """Make up a last name of several word pieces, now and then a double one."""
    middle = dice.pick(words.SURNAME_MIDDLES) if dice.chance(0.4) else ""
    single = dice.pick(words.SURNAME_STARTS) + middle + dice.pick(words.SURNAME_ENDS)
    return f"{single}-{dice.pick(words.SURNAME_STARTS)}{dice.pick(words.SURNAME_ENDS)}" if dice.chance(0.08) else single


def _town(dice: Dice) -> str:
    name = dice.pick(words.TOWN_STARTS) + dice.pick(words.TOWN_ENDS)
    if dice.chance(0.15):
        name = f"{dice.pick(words.TOWN_FIRST_WORDS)} {name}"
    elif dice.chance(0.12):
        name += dice.pick(words.TOWN_TAILS)
    return name


def _year(dice: Dice) -> str:
    return str(1780 + dice.below(220))


def _count(dice: Dice) -> str:
    number = 100 + dice.below(900) if dice.chance(0.4) else 1000 + dice.below(8999)
    return f"{number:,}"


def _firm(dice: Dice) -> str:
    return dice.pick(words.SURNAME_STARTS) + dice.pick(words.SURNAME_ENDS) + dice.pick(words.FIRM_TAILS)


def _title(dice: Dice) -> str:
    return f"{dice.pick(words.TITLE_FIRST)} {dice.pick(words.TITLE_MIDDLE)} {dice.pick(words.TITLE_LAST)}"


def _from(items: Sequence[str]) -> Callable[[Dice], str]:
    return lambda dice: dice.pick(items)


@dataclass(frozen=True)
class Relation:
    """One kind of fact.

    Attributes:
        clauses: how a text says it; `{thing}` is what it is about, `{}` the value.
        questions: how a question asks for it; `{}` is the thing.
        value: makes up a value.
        before: what another annotator might take along in front of the value.
    """

    clauses: tuple[str, ...]
    questions: tuple[str, ...]
    value: Callable[[Dice], str]
    before: str = ""


RELATIONS = (
    Relation(
        ("the {thing} came from {}", "the {thing} was found in {}"),
        ("Where did the {} come from?", "In which town was the {} found?", "What town is the {} from?"),
        _town,
    ),
    Relation(
        ("the {thing} was made in {}", "the {thing} dates back to {}"),
        ("When was the {} made?", "In what year was the {} made?", "To which year does the {} date back?"),
        _year,
        "in ",
    ),
    Relation(
        ("the {thing} was used by a {}", "the {thing} belonged to a {}"),
        ("By whom was the {} used?", "What was the profession of the user of the {}?", "To whom did the {} belong?"),
        _from(words.PROFESSIONS),
        "a ",
    ),
    Relation(
        ("the {thing} stood beside the {}", "the {thing} was traded for the {}"),
        ("What instrument did the {} stand beside?", "For which instrument was the {} traded?"),
        _from(words.INSTRUMENTS),
        "the ",
    ),
    Relation(
        ("the {thing} was owned by {}", "the {thing} was lost by {}"),
        ("Who owned the {}?", "Who lost the {}?", "Whose was the {}?"),
        person,
    ),
    Relation(
        ("the {thing} was built by {}", "the {thing} was sold by {}"),
        ("Which company built the {}?", "What firm sold the {}?", "Which firm built the {}?"),
        _firm,
    ),
    Relation(
        ("the {thing} cost {} crowns", "the {thing} fetched {} crowns"),
        ("How many crowns did the {} cost?", "What did the {} fetch?", "How many crowns did the {} fetch?"),
        _count,
    ),
    Relation(
        ("the {thing} was used for lessons in {}", "the {thing} was bought by students of {}"),
        ("For lessons in which subject was the {} used?", "Students of which subject bought the {}?"),
        _from(words.SUBJECTS),
    ),
    Relation(
        ("the {thing} is described in “{}”", "the {thing} is drawn in “{}”"),
        ("Which novel describes the {}?", "In which book is the {} drawn?", "What is the novel with the {} called?"),
        _title,
        "“",
    ),
    Relation(
        ("the {thing} still smells of {}", "the {thing} was full of {}"),
        ("What does the {} still smell of?", "Which dish was the {} full of?"),
        _from(words.DISHES),
    ),
)
