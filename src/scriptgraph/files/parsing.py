"""The boundary around parsers of untrusted bytes: whatever a parser raises becomes an error with a place."""

from __future__ import annotations

from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_LETTERS = 200
# The digits of a 64-bit number; Python refuses to convert much longer ones.
_MOST_DIGITS = 20
_IN_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (RecursionError, "it is nested too deeply"),
    (MemoryError, "it needs more memory than there is"),
)


@contextmanager
def parsing(refusal: Callable[[str], Exception], *own: type[Exception]) -> Iterator[None]:
    """Turn every fault of the block into the error that `refusal` makes of a reason, a few words on one line.

    Own errors, ScriptGraphError and OSError pass: they have their place and their words.
    """
    passing: tuple[type[Exception], ...] = (ScriptGraphError, OSError, *own)
    try:
        yield
    except passing:
        raise
    except Exception as fault:
        raise refusal(fault_in_words(fault)) from fault


def fault_in_words(fault: Exception) -> str:
    """Return a parser's fault on one line."""
    for kind, words in _IN_WORDS:
        if isinstance(fault, kind):
            return words
    text = " ".join(str(fault).split())
    shown = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."
    return f"no {shown}" if isinstance(fault, KeyError) else shown or type(fault).__name__


def whole_number(text: str) -> int | None:
    """Return the number that ASCII digits write; None for anything else, and for more than 20 digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def finite_number(text: str) -> float | None:
    """Return the number that a text writes; None for anything else, for infinity and for NaN."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
