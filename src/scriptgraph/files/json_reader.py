"""Read JSON that somebody else wrote: limits on bytes, depth and number of values, and every fault with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from scriptgraph.errors import DocumentError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Braces as brackets, and nothing else but what separates values and strings.
_SHAPE, _NO_SHAPE = bytes.maketrans(b"{}", b"[]"), bytes(each for each in range(256) if each not in b'[]{},"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Limits(Immutable):
    """The most that a document may have.

    Attributes:
        size: bytes.
        depth: objects and lists within each other.
        values: members and entries of all objects and lists together.
    """

    size: int = 32 << 20
    depth: int = 64
    values: int = 1_000_000


DOCUMENT = Limits()
"""More than any document of ours needs."""


def read_json(path: Path, limits: Limits = DOCUMENT, *, unique: bool = False, paths: bool = False) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        limits: its limits.
        unique: whether a repeated key of an object is an error; else the last one counts.
        paths: whether texts may be names of files that are not UTF-8, which Python reads as halves of surrogate pairs.

    Raises:
        DocumentError: it cannot be read, is not JSON, or exceeds a limit.
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
    """Parse JSON text as `read_json` does; `where` names its file or origin in messages.

    Raises:
        DocumentError: it is not JSON, or exceeds a limit.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(raw) > limits.size:
        raise DocumentError(where, "", f"has more than {limits.size:,} bytes")
    _check_shape(raw, where, limits)
    try:
        document = (_UNIQUE_KEYS if unique else _ANY_KEYS).decode(raw.removeprefix(_BYTE_ORDER_MARK).decode())
        if not paths and (b"\\ud" in raw or b"\\uD" in raw):
            # Else half a surrogate pair is a text that can be neither written nor shown.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise DocumentError(where, "", f"is not UTF-8 text{place}") from None
    except json.JSONDecodeError as error:
        raise DocumentError(where, "", f"is not JSON ({error})") from None
    except _RefusedError as error:
        raise DocumentError(where, "", str(error)) from None
    except ValueError:
        raise DocumentError(where, "", "has a number of thousands of digits") from None
    return document


def _check_shape(raw: bytes, where: object, limits: Limits) -> None:
    """Raise DocumentError if the text is nested too deeply, or has too many values, before it is parsed."""
    openings = raw.count(b"[") + raw.count(b"{")
    if openings <= limits.depth and openings + raw.count(b",") <= limits.values:
        return
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = raw.translate(_SHAPE, _NO_SHAPE).replace(b'""', b"")
    # Every other part is inside a string, which need not end.
    bare = b"".join(marks.split(b'"')[::2])
    if bare.count(b"[") + bare.count(b",") > limits.values:
        raise DocumentError(where, "", f"has more than {limits.values:,} values")
    nested = bare.replace(b",", b"")
    for _ in range(limits.depth):
        nested = nested.replace(b"[]", b"")  # takes the innermost level away
    if b"[]" in nested or nested.count(b"[") > limits.depth:
        raise DocumentError(where, "", f"is nested more than {limits.depth} levels deep")


class _RefusedError(ValueError):
    """What Python's reader takes and JSON does not know, or we do not."""


def _refuse(constant: str) -> NoReturn:
    raise _RefusedError(f"has {constant}, which JSON does not know")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError(f"has the key {key!r} twice in one object")
            seen.add(key)
    return found


_ANY_KEYS = json.JSONDecoder(parse_constant=_refuse)
_UNIQUE_KEYS = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
