"""Read JSON that somebody else wrote: limits on bytes, depth and number of values, and every fault with its place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A string, also one that does not end: without the second alternative a file of escaped quotes takes quadratic time.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Limits(NamedTuple):
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


def read_json(path: Path, limits: Limits = DOCUMENT, *, unique: bool = False) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        limits: its limits.
        unique: whether a repeated key of an object is an error; else the last one counts.

    Raises:
        DocumentError: it cannot be read, is not JSON, or exceeds a limit.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.size + 1)
    except OSError as error:
        raise DocumentError(path, "", f"cannot be read ({error.strerror})") from error
    return parse_json(content, path, limits, unique=unique)


def parse_json(content: bytes | str, where: object, limits: Limits = DOCUMENT, *, unique: bool = False) -> Any:
    """Parse JSON text; `where` names its file or origin in messages.

    Raises:
        DocumentError: it is not JSON, or exceeds a limit.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(raw) > limits.size:
        raise DocumentError(where, "", f"has more than {limits.size:,} bytes")
    _check_shape(raw, where, limits)

    def refuse(constant: str) -> NoReturn:
        raise DocumentError(where, "", f"has {constant}, which JSON does not know")

    try:
        text = raw.decode("utf-8-sig")
        document = json.loads(text, parse_constant=refuse, object_pairs_hook=_unique if unique else None)
        if _SURROGATE.search(raw):
            # Half a surrogate pair is a text that can be neither written nor shown.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise DocumentError(where, "", f"is not UTF-8 text{place}") from None
    except json.JSONDecodeError as error:
        raise DocumentError(where, "", f"is not JSON ({error})") from None
    except ValueError as error:
        # Numbers with thousands of digits, and repeated keys.
        raise DocumentError(where, "", str(error)) from None
    return document


def _check_shape(raw: bytes, where: object, limits: Limits) -> None:
    """Raise DocumentError if the text is nested too deeply, or has too many values, before it is parsed."""
    openings = raw.count(b"[") + raw.count(b"{")
    if openings <= limits.depth and openings + raw.count(b",") <= limits.values:
        return
    bare = _STRING.sub(b"", raw)
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > limits.values:
        raise DocumentError(where, "", f"has more than {limits.values:,} values")
    depth = 0
    for found in _BRACKET.finditer(bare):
        depth += 1 if found[0] in b"[{" else -1
        if depth > limits.depth:
            raise DocumentError(where, "", f"is nested more than {limits.depth} levels deep")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"has the key {twice!r} twice in one object")
    return found
