"""BERT's basic tokeniser: clean, lower, strip accents, split at punctuation and Chinese characters.

Written out in Python because MLPerf's reference decides by Python's own Unicode tables and `str.lower`, and so
that post-processing needs no package. Compared word by word with the `BertTokenizer` of transformers 4.31, of the
time of v3.1.
"""

from __future__ import annotations

import re
import unicodedata

# Words that are nothing but one of these are kept as they stand.
KEPT_WORDS = frozenset({"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"})

_KEPT_WORD = re.compile(f"({'|'.join(map(re.escape, sorted(KEPT_WORDS)))})")

_CHINESE_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class _Cleaning(dict[int, str]):
    """A table for `str.translate` that fills itself: drops control characters, sets Chinese ones apart."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if character in "\t\n\r" or category == "Zs":
            mapped = " "
        elif code == 0xFFFD or category.startswith("C"):  # noqa: PLR2004 - the replacement character
            mapped = ""
        elif any(first <= code <= last for first, last in _CHINESE_RANGES):
            mapped = f" {character} "
        else:
            mapped = character
        self[code] = mapped
        return mapped


class _Splitting(dict[int, str]):
    """A table for `str.translate` that fills itself: drops accents, sets punctuation apart."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Mn":
            mapped = ""
        elif character in _ASCII_PUNCTUATION or category.startswith("P"):
            mapped = f" {character} "
        else:
            mapped = character
        self[code] = mapped
        return mapped


_CLEANING = _Cleaning()
_SPLITTING = _Splitting()


def basic_tokens(text: str) -> list[str]:
    """Split as `BasicTokenizer` does, which MLPerf uses to project an answer back on its context."""
    tokens: list[str] = []
    for word in text.translate(_CLEANING).split():
        if word in KEPT_WORDS:
            tokens.append(word)
        else:
            tokens.extend(unicodedata.normalize("NFD", word.lower()).translate(_SPLITTING).split())
    return tokens


def model_tokens(text: str) -> list[str]:
    """Split as `BertTokenizer` does before WordPiece, which MLPerf uses to make the model's inputs.

    It lowers first, character by character, and leaves special tokens alone: a capital sigma at a word's end
    does not become a final one, and a special token broken by a control character does not become whole.
    """
    parts = _KEPT_WORD.split(text)
    parts[::2] = [part.replace("\u03a3", "\u03c3").lower() for part in parts[::2]]
    return basic_tokens("".join(parts))
