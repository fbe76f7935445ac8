"""The sample's world, from world.json: its words, the relations of its facts, and its vocabulary."""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from scriptgraph.files.json_reader import parse_json

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Item = TypeVar("Item")

_WORLD = parse_json(resources.files(__package__).joinpath("world.json").read_bytes(), "world.json")
WORDS: dict[str, tuple[str, ...]] = {name: tuple(words) for name, words in _WORLD["words"].items()}
"""The words by their use; each of the `things` occurs once in a paragraph, as the subject of a fact."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Letters that do not decompose into a base letter and an accent.
EXTRA_LETTERS = "ø"
EXTRA_PUNCTUATION = "‘’“”–—…"
# Longer words of values are split into word pieces.
LONGEST_WHOLE_VALUE = 6
PIECE_LETTERS = 4
# The lists whose words are vocabulary entries: complete words, starts and ends of names, and values.
_SENTENCES = "fillers filler_verbs openers closers asides"
_NAMES = "firm_tails title_first title_middle title_last town_first_words town_tails"
_STARTS = "things first_names surname_starts town_starts"
_ENDS = "surname_middles surname_ends town_ends"
_VALUES = "professions instruments subjects dishes"
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Dice:
    """Random draws from `random()`, the only method whose results are the same on every Python."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._source.random() < probability

    def fraction(self) -> float:
        """Return a number from 0 up to, but excluding, 1."""
        return self._source.random()

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._source.random() * limit)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return a random item."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


def _joined(dice: Dice, *parts: str) -> str:
    return "".join(dice.pick(WORDS[part]) for part in parts)


def surname(dice: Dice) -> str:
    """Invent a last name of several word pieces, sometimes a double name."""
    middle = dice.pick(WORDS["surname_middles"]) if dice.chance(0.4) else ""
    single = dice.pick(WORDS["surname_starts"]) + middle + dice.pick(WORDS["surname_ends"])
    return f"{single}-{_joined(dice, 'surname_starts', 'surname_ends')}" if dice.chance(0.08) else single


def _town(dice: Dice) -> str:
    name = _joined(dice, "town_starts", "town_ends")
    if dice.chance(0.15):
        return f"{dice.pick(WORDS['town_first_words'])} {name}"
    return name + dice.pick(WORDS["town_tails"]) if dice.chance(0.12) else name


_INVENTED: dict[str, Callable[[Dice], str]] = {
    "person": lambda dice: f"{dice.pick(WORDS['first_names'])} {surname(dice)}",
    "town": _town,
    "year": lambda dice: str(1780 + dice.below(220)),
    "count": lambda dice: f"{100 + dice.below(900) if dice.chance(0.4) else 1000 + dice.below(8999):,}",
    "firm": lambda dice: _joined(dice, "surname_starts", "surname_ends", "firm_tails"),
    "title": lambda dice: " ".join(dice.pick(WORDS[f"title_{part}"]) for part in ("first", "middle", "last")),
}
"""The kinds of values that are invented, not picked from a list."""


@dataclass(frozen=True)
class Relation:
    """A kind of fact.

    Attributes:
        clauses: clauses that state the fact; `{thing}` is its subject, `{}` its value.
        questions: questions that ask for the value; `{}` is the subject.
        kind: the kind of the value, in `WORDS` or `_INVENTED`.
        before: a text before the value that another annotator may include in the answer.
    """

    clauses: tuple[str, ...]
    questions: tuple[str, ...]
    kind: str
    before: str

    def value(self, dice: Dice) -> str:
        """Pick or invent a value."""
        invent = _INVENTED.get(self.kind)
        return dice.pick(WORDS[self.kind]) if invent is None else invent(dice)


RELATIONS = tuple(
    Relation(tuple(row["clauses"]), tuple(row["questions"]), row["value"], row["before"]) for row in _WORLD["relations"]
)


def plain(text: str) -> str:
    """Lower the case and remove the accents, like BERT's uncased tokeniser."""
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")


def _words(names: str) -> list[str]:
    return [word for name in names.split() for word in WORDS[name]]


def _tokens(texts: Sequence[str]) -> set[str]:
    plain_texts = (plain(text.replace("{thing}", " ").replace("{}", " ")) for text in texts)
    return {token for text in plain_texts for token in re.findall(r"[^\W\d_]+", text)}


def vocabulary() -> list[str]:
    """Return the vocabulary's entries in the order of their ids."""
    letters = string.ascii_lowercase + EXTRA_LETTERS
    numbers = [f"{number:02d}" for number in range(100)]
    characters = [*string.digits, *letters]
    texts = [text for relation in RELATIONS for text in relation.clauses + relation.questions]
    grammar = _tokens([*_words(f"{_SENTENCES} {_NAMES}"), *texts])
    starts = {plain(word) for word in _words(_STARTS)}
    ends = {"##" + plain(word) for word in _words(_ENDS)}
    # Short words of values are one entry; long words are split.
    pieces: set[str] = set()
    for word in _tokens(_words(_VALUES)):
        first = len(word) if len(word) <= LONGEST_WHOLE_VALUE else PIECE_LETTERS
        pieces.add(word[:first])
        pieces |= {"##" + word[at : at + PIECE_LETTERS] for at in range(first, len(word), PIECE_LETTERS)}
    entries = [*SPECIAL, *string.punctuation, *EXTRA_PUNCTUATION, *characters]
    entries += ["##" + character for character in characters]
    entries += [*numbers, *("##" + number for number in numbers)]
    known = set(entries)
    return entries + sorted((grammar | starts | ends | pieces) - known)


@lru_cache(maxsize=1)
def _entries() -> frozenset[str]:
    return frozenset(vocabulary())


@lru_cache(maxsize=200_000)
def _word_length(word: str) -> int:
    """Count the pieces of a word by greedy longest match, which ends because every letter is an entry."""
    count, start = 0, 0
    while start < len(word):
        prefix = "##" if start else ""
        end = next(end for end in range(len(word), start, -1) if prefix + word[start:end] in _entries())
        count, start = count + 1, end
    return count


def token_count(text: str) -> int:
    """Count the word pieces of a text of the sample."""
    return sum(_word_length(token) for token in _TOKEN.findall(plain(text)))
