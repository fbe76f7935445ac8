"""What the sample says of its people, and how it asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.datasets.sample import words

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
        clauses: how a text says it; `{}` is the value.
        questions: how a question asks for it; `{}` is the person.
        value: makes up a value.
        before: what another annotator might take along in front of the value.
    """

    clauses: tuple[str, ...]
    questions: tuple[str, ...]
    value: Callable[[Dice], str]
    before: str = ""


RELATIONS = (
    Relation(
        ("was born in {}", "was a native of {}"),
        ("Where was {} born?", "In which town was {} born?", "What town was {} a native of?"),
        _town,
    ),
    Relation(
        ("moved to {}", "settled in {}"),
        ("Where did {} move to?", "To which town did {} move?", "In which town did {} settle?"),
        _town,
    ),
    Relation(
        ("graduated in {}", "left school in {}"),
        ("When did {} graduate?", "In what year did {} graduate?", "In what year did {} leave school?"),
        _year,
        "in ",
    ),
    Relation(
        ("retired in {}", "stopped working in {}"),
        ("When did {} retire?", "In what year did {} retire?", "In what year did {} stop working?"),
        _year,
        "in ",
    ),
    Relation(
        ("worked as a {}", "earned a living as a {}"),
        ("What was the profession of {}?", "What did {} work as?", "How did {} earn a living?"),
        _from(words.PROFESSIONS),
        "a ",
    ),
    Relation(
        ("played the {}", "learned to play the {}"),
        ("Which instrument did {} play?", "What did {} learn to play?"),
        _from(words.INSTRUMENTS),
        "the ",
    ),
    Relation(
        ("married {}", "became engaged to {}"),
        ("Who did {} marry?", "Whom did {} become engaged to?", "Who was the spouse of {}?"),
        person,
    ),
    Relation(
        ("founded {}", "set up the firm {}"),
        ("Which company did {} found?", "What was the firm of {} called?", "What firm did {} set up?"),
        _firm,
    ),
    Relation(
        ("owned {} books", "collected {} books"),
        ("How many books did {} own?", "How many books did {} collect?"),
        _count,
    ),
    Relation(
        ("studied {}", "took a degree in {}"),
        ("What did {} study?", "Which subject did {} study?", "In what subject did {} take a degree?"),
        _from(words.SUBJECTS),
    ),
    Relation(
        ("wrote “{}”", "published “{}”"),
        ("Which novel did {} write?", "What was the title of the novel by {}?", "What did {} publish?"),
        _title,
        "“",
    ),
    Relation(
        ("liked {} best", "often cooked {}"),
        ("What dish did {} like best?", "Which dish did {} often cook?"),
        _from(words.DISHES),
    ),
)
