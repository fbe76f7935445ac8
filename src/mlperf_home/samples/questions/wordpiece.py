"""The sample's vocabulary, and how many word pieces a text of the sample has."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from mlperf_home.samples.questions.relations import RELATIONS, WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Letters that do not decompose into a base letter and an accent.
EXTRA_LETTERS = "ø"
EXTRA_PUNCTUATION = "‘’“”–—…"
# Values' words longer than this are left to word pieces.
LONGEST_WHOLE_VALUE = 6
PIECE_LETTERS = 4
# The lists of words whose words are entries as a whole, as starts or ends of names, and as short or cut values.
_SENTENCES = "fillers filler_verbs openers closers asides"
_NAMES = "firm_tails title_first title_middle title_last town_first_words town_tails"
_STARTS = "things first_names surname_starts town_starts"
_ENDS = "surname_middles surname_ends town_ends"
_VALUES = "professions instruments subjects dishes"
_TOKEN = re.compile(r"\w+|[^\w\s]")


def plain(text: str) -> str:
    """Lower the case and drop the accents, as BERT's uncased tokeniser does."""
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")


def _words(names: str) -> list[str]:
    return [word for name in names.split() for word in WORDS[name]]


def _tokens(texts: Sequence[str]) -> set[str]:
    plain_texts = (plain(text.replace("{thing}", " ").replace("{}", " ")) for text in texts)
    return {token for text in plain_texts for token in re.findall(r"[^\W\d_]+", text)}


def _value_pieces() -> set[str]:
    """Return pieces for the words of values: short ones whole, long ones cut."""
    pieces: set[str] = set()
    for word in _tokens(_words(_VALUES)):
        if len(word) <= LONGEST_WHOLE_VALUE:
            pieces.add(word)
            continue
        pieces.add(word[:PIECE_LETTERS])
        rest = word[PIECE_LETTERS:]
        pieces |= {"##" + rest[at : at + PIECE_LETTERS] for at in range(0, len(rest), PIECE_LETTERS)}
    return pieces


def vocabulary() -> list[str]:
    """Return the entries in the order of their numbers."""
    letters = string.ascii_lowercase + EXTRA_LETTERS
    numbers = [f"{number:02d}" for number in range(100)]
    characters = [*string.digits, *letters]
    texts = [text for relation in RELATIONS for text in relation.clauses + relation.questions]
    grammar = _tokens([*_words(f"{_SENTENCES} {_NAMES}"), *texts])
    starts = {plain(word) for word in _words(_STARTS)}
    ends = {"##" + plain(word) for word in _words(_ENDS)}
    entries = [*SPECIAL, *string.punctuation, *EXTRA_PUNCTUATION, *characters]
    entries += ["##" + character for character in characters]
    entries += [*numbers, *("##" + number for number in numbers)]
    known = set(entries)
    return entries + sorted((grammar | starts | ends | _value_pieces()) - known)


@lru_cache(maxsize=1)
def _entries() -> frozenset[str]:
    return frozenset(vocabulary())


@lru_cache(maxsize=200_000)
def _word_length(word: str) -> int:
    """Count the pieces of one word by greedy longest match; letters are all known, so it ends."""
    count, start = 0, 0
    while start < len(word):
        prefix = "##" if start else ""
        end = next(end for end in range(len(word), start, -1) if prefix + word[start:end] in _entries())
        count, start = count + 1, end
    return count


def token_count(text: str) -> int:
    """Count the word pieces of a text of the sample."""
    return sum(_word_length(token) for token in _TOKEN.findall(plain(text)))
