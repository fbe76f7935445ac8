"""Lines of a file that only grows, each with the checksum of its entry.

A writer may be killed, or the disk may err, at any byte: a damaged line is named, and the others count.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mlperf_home.contracts.codec import Document, decode, encode, parse_document
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from scriptgraph.files.json_reader import Limits

_Entry = TypeVar("_Entry")
KindOf = Callable[[Mapping[str, Any]], type[_Entry]]
"""Returns the type of an entry, by its keys."""


class SealedLine(Document):
    """A line; `crc32` is the checksum of the entry as JSON with sorted keys."""

    crc32: int
    entry: Mapping[str, Any]


def seal(entry: object) -> bytes:
    """Return the line of an entry, with its end."""
    text = json.dumps(encode(entry), sort_keys=True)
    return f'{{"crc32": {zlib.crc32(text.encode())}, "entry": {text}}}\n'.encode()


def unseal(line: bytes, kind_of: KindOf[_Entry], limits: Limits) -> _Entry:
    """Decode a line; raise DocumentError if it is damaged."""
    sealed = parse_document(line, SealedLine, "line", limits)
    if zlib.crc32(json.dumps(sealed.entry, sort_keys=True).encode()) != sealed.crc32:
        raise DocumentError("line", "", "has another checksum")
    return decode(sealed.entry, kind_of(sealed.entry), "line")


def is_sealed(line: bytes, kind_of: KindOf[_Entry], limits: Limits) -> bool:
    """Whether a line is whole, with or without its end."""
    try:
        unseal(line, kind_of, limits)
    except DocumentError:
        return False
    return True


def unsealed(
    lines: Iterable[bytes], kind_of: KindOf[_Entry], limits: Limits, damaged: Callable[[str], None]
) -> Iterator[_Entry]:
    """Yield the entries of lines; `damaged` takes a few words on each that cannot be read."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield unseal(line, kind_of, limits)
        except DocumentError as error:
            damaged(f"line {number} is damaged ({error.problem})")
