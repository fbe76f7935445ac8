"""The boundary around parsers of untrusted bytes: whatever a parser raises becomes an error with a place."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_LETTERS = 200
# The digits of a 64-bit number; Python refuses to convert much longer ones.
_MOST_DIGITS = 20
# Numbers that seeking and decoding set for impossible positions, or none at all; all others come from the machine.
_FAULT_ERRNOS = frozenset({None, errno.EINVAL, errno.EOVERFLOW})
_IN_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (RecursionError, "it is nested too deeply"),
    (MemoryError, "it needs more memory than there is"),
)


class FaultyBytesError(Exception):
    """Untrusted bytes are damaged or exceed a limit; the text is a predicate, such as "ends within a member"."""


@contextmanager
def parsing(refusal: Callable[[str], Exception], *own: type[Exception]) -> Iterator[None]:
    """Turn every fault of the block into the error that `refusal` makes of a reason, a few words on one line.

    Own errors, ScriptGraphError and the machine's failures (a disk that cannot be read) pass: they have their place and
    their words. Parsers such as tarfile and zipfile raise a dozen kinds of exceptions for damaged bytes, OSError among
    them. Use it around the parser's call alone, so that it cannot hide a fault of other code.
    """
    passing: tuple[type[Exception], ...] = (ScriptGraphError, *own)
    try:
        yield
    except passing:
        raise
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno not in _FAULT_ERRNOS:
            raise
        raise refusal(fault_in_words(fault)) from fault


@contextmanager
def parser_faults(refusal: type[Exception]) -> Iterator[None]:
    """Turn every fault of the block into `refusal("is damaged (...)")`; the text of a FaultyBytesError is kept.

    Raises:
        Exception: the `refusal`.
    """
    try:
        with parsing(lambda reason: refusal(f"is damaged ({reason})"), refusal, FaultyBytesError):
            yield
    except refusal:
        raise
    except FaultyBytesError as error:
        raise refusal(str(error)) from error


def fault_in_words(fault: Exception) -> str:
    """Return a parser's fault on one line."""
    for kind, words in _IN_WORDS:
        if isinstance(fault, kind):
            return words
    text = printable_name(" ".join(str(fault).split()))
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
