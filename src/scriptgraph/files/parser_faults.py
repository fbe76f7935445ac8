"""One boundary around parsers of untrusted bytes: each of their faults becomes the caller's error."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Numbers that seeking and decoding set for impossible positions; all others come from the machine.
_FAULT_ERRNOS = frozenset({None, errno.EINVAL, errno.EOVERFLOW})
_LONGEST_TEXT = 200


class FaultyBytesError(Exception):
    """Untrusted bytes are damaged or exceed a limit; the text is a predicate, such as "ends within a member"."""


@contextmanager
def parser_faults(refusal: type[Exception]) -> Iterator[None]:
    """Turn every exception of a parser into `refusal("is damaged (...)")`.

    Parsers such as tarfile and zipfile raise a dozen kinds of exceptions for damaged bytes, among them RecursionError,
    IndexError and MemoryError. Use it around the parser's call alone, so that it cannot hide a fault of other code.
    Exceptions of the kind `refusal`, errors of this program and failures of the machine (a disk that cannot be read)
    pass unchanged; the text of a FaultyBytesError is kept.

    Raises:
        Exception: the `refusal`.
    """
    try:
        yield
    except (refusal, ScriptGraphError):
        raise
    except FaultyBytesError as error:
        raise refusal(str(error)) from error
    except MemoryError as error:
        raise refusal("is damaged (it asks for more memory than there is)") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _FAULT_ERRNOS:
            raise
        raise refusal(f"is damaged ({fault_text(error)})") from error


def fault_text(error: BaseException) -> str:
    """Return an exception's text as one short line; its type if it has no text."""
    return printable(" ".join(str(error)[:_LONGEST_TEXT].split())) or type(error).__name__


def printable(text: str) -> str:
    """Escape the characters of an untrusted name that a terminal would obey."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
