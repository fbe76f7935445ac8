"""BERT's basic tokeniser: clean, lower, strip accents, split at punctuation and Chinese characters.

Written out in Python because MLPerf's reference decides by Python's own Unicode tables and `str.lower`, and so
that post-processing needs no package. Compared word by word with the `BertTokenizer` of transformers 4.31, of the
time of v3.1.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Words that are nothing but one of these are kept as they stand.
KEPT_WORDS = frozenset({"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"})

_KEPT_WORD = re.compile(f"({'|'.join(map(re.escape, sorted(KEPT_WORDS)))})")

_CHINESE = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f"
    "\U0002b740-\U0002b81f\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


class _Table(dict[int, str]):
    """A table for `str.translate` that fills itself, from a character and its Unicode category."""

    def __init__(self, mapped: Callable[[str, str], str]) -> None:
        self._mapped = mapped

    def __missing__(self, code: int) -> str:
        self[code] = found = self._mapped(chr(code), unicodedata.category(chr(code)))
        return found


def _cleaned(character: str, category: str) -> str:
    """Drop control characters, set Chinese ones apart."""
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character == "\N{REPLACEMENT CHARACTER}" or category.startswith("C"):
        return ""
    return f" {character} " if _CHINESE.match(character) else character


def _split(character: str, category: str) -> str:
    """Drop accents, set punctuation apart."""
    if category == "Mn":
        return ""
    return f" {character} " if character in string.punctuation or category.startswith("P") else character


_CLEANING = _Table(_cleaned)
_SPLITTING = _Table(_split)


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
