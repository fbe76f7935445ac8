"""Read untrusted JSON: limits on bytes, depth and number of values; every error names its place."""

from __future__ import annotations

import json
from math import isinf
from typing import TYPE_CHECKING, Any, NoReturn

from scriptgraph.errors import DocumentError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

# Translates braces to brackets; removes everything but brackets, quotes and commas.
_SHAPE, _NO_SHAPE = bytes.maketrans(b"{}", b"[]"), bytes(each for each in range(256) if each not in b'[]{},"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_DIGITS, _TOO_LARGE = 21, 1 << 64


class Limits(Immutable):
    """The limits of a document.

    Attributes:
        size: the most bytes.
        depth: the most levels of nested objects and lists.
        values: the most members and entries of all objects and lists together.
    """

    size: int = 32 << 20
    depth: int = 64
    values: int = 1_000_000


DOCUMENT = Limits()
"""The default limits, above the needs of this program's own documents."""


def read_json(path: Path, limits: Limits = DOCUMENT, *, unique: bool = False, paths: bool = False) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        limits: its limits.
        unique: whether a repeated key of an object is an error; otherwise the last value counts.
        paths: whether strings may be file names that are not UTF-8 (Python's lone surrogates).

    Raises:
        DocumentError: the file cannot be read, is not JSON, or exceeds a limit.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.size + 1)
    except OSError as error:
        raise DocumentError(path, "", f"cannot be read ({error.strerror})") from error
    return parse_json(content, path, limits, unique=unique, paths=paths)


def parse_json(
    content: bytes | str, where: object, limits: Limits = DOCUMENT, *, unique: bool = False, paths: bool = False
) -> Any:
    """Parse JSON text like `read_json`; `where` names its file or origin in messages.

    Raises:
        DocumentError: the text is not JSON, or exceeds a limit.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(raw) > limits.size:
        raise DocumentError(where, "", f"has more than {limits.size:,} bytes")
    _check_shape(raw, where, limits)
    try:
        document = (_UNIQUE_KEYS if unique else _ANY_KEYS).decode(raw.removeprefix(_BYTE_ORDER_MARK).decode())
        if not paths and (b"\\ud" in raw or b"\\uD" in raw):
            # A lone surrogate can be neither written nor printed.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise DocumentError(where, "", f"is not UTF-8 text{place}") from None
    except json.JSONDecodeError as error:
        raise DocumentError(where, "", f"is not JSON ({error})") from None
    except _NotStrictJsonError as error:
        raise DocumentError(where, "", str(error)) from None
    return document


def parse_line(text: str | bytes) -> Any:
    """Parse one line of a long log, whose lines are limited by their reader.

    Raises:
        ValueError: the text is not JSON, or has a number that the other readers refuse.
    """
    try:
        return _ANY_KEYS.decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_lines(lines: Iterable[str], prefix: str) -> list[Any]:
    """Parse the lines of a log, each an object after a prefix, like `parse_line`.

    Numbers are not looked at; `is_ordinary` tells whether the other readers accept one.

    Raises:
        ValueError: a line has another beginning, or is not JSON.
    """
    start, entries = len(prefix), []
    try:
        for line in lines:
            entry, end = _scan(line, start)
            if end != len(line) or not line.startswith(prefix):
                raise ValueError(f"is not one value after {prefix!r}")
            entries.append(entry)
    except (RecursionError, StopIteration):
        raise ValueError("it is nested too deeply, or empty") from None
    return entries


def _check_shape(raw: bytes, where: object, limits: Limits) -> None:
    """Raise DocumentError, before parsing, if the text is nested too deeply or has too many values."""
    openings = raw.count(b"[") + raw.count(b"{")
    if openings <= limits.depth and openings + raw.count(b",") <= limits.values:
        return
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = raw.translate(_SHAPE, _NO_SHAPE).replace(b'""', b"")
    # Every second part is inside a string; the last string may be unterminated.
    bare = b"".join(marks.split(b'"')[::2])
    if bare.count(b"[") + bare.count(b",") > limits.values:
        raise DocumentError(where, "", f"has more than {limits.values:,} values")
    nested = bare.replace(b",", b"")
    for _ in range(limits.depth):
        nested = nested.replace(b"[]", b"")  # removes the innermost level
    if b"[]" in nested or nested.count(b"[") > limits.depth:
        raise DocumentError(where, "", f"is nested more than {limits.depth} levels deep")


class _NotStrictJsonError(ValueError):
    """The text has a constant, a number or a repeated key that Python's decoder accepts and this reader does not."""


def _refuse(constant: str) -> NoReturn:
    raise _NotStrictJsonError(f"has {constant}, which is not JSON; write a number or null")


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise _NotStrictJsonError(f"has the number {text[:20]}, which is too large")
    return value


def _integer(text: str) -> int:
    # No document needs more than 64 bits; larger numbers are infinite as a float, or too long for a database.
    if len(text) > _MOST_DIGITS or abs(value := int(text)) >= _TOO_LARGE:
        raise _NotStrictJsonError(f"has the number {text[:_MOST_DIGITS]}..., which is too large")
    return value


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise _NotStrictJsonError(f"has the key {key!r} twice in one object; keep one")
            seen.add(key)
    return members


_ANY_KEYS = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_integer)
_UNIQUE_KEYS = json.JSONDecoder(
    parse_constant=_refuse, parse_float=_finite, parse_int=_integer, object_pairs_hook=_unique
)
# Without a call for each number, decoding takes a third of the time.
_scan = json.JSONDecoder(parse_constant=_refuse).scan_once  # type: ignore[attr-defined]  # typeshed lacks it


def is_ordinary(value: object) -> bool:
    """Whether a value is a number that the readers accept, or no number."""
    if type(value) is int:
        return -_TOO_LARGE < value < _TOO_LARGE
    return type(value) is not float or not isinf(value)
