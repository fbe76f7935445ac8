"""Read `answers.bin`, whose format `answers` describes; its bytes may come from anybody."""

from __future__ import annotations

import lzma
import re
import sys
from array import array
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import lt
from typing import TYPE_CHECKING, Any

from mlperf_home.loadgen_logs.answers import (
    FIRST_LINE,
    MOST_SHARED,
    MOST_VALUES,
    PARTS,
    AnswerColumn,
    AnswersError,
)
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.files.parsing import FaultyBytesError, parser_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlperf_home.loadgen_logs.answers import AnswerKind

_MOST_BYTES = 256 << 20
_HEADER_LIMITS = Limits(size=1 << 20, depth=4, values=40_000)
_MEMORY_BYTES = 64 << 20
_LENGTH_BYTES = 4
_HASH = re.compile(r"[0-9a-f]{64}")
_ADVICE = "compute the accuracy again from the whole log"


@dataclass(frozen=True)
class _Listed:
    """A column in the header of a file."""

    log_sha256: str
    kind: AnswerKind
    count: int


def read_answers(path: Path) -> tuple[AnswerColumn, ...]:
    """Read a file of answers.

    Raises:
        AnswersError: the file cannot be read, is damaged, or exceeds a limit.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AnswersError(path, f"cannot be read ({error.strerror})", _ADVICE) from None
    try:
        with parser_faults(FaultyBytesError):
            return tuple(_columns(content))
    except FaultyBytesError as error:
        raise AnswersError(path, str(error), _ADVICE) from None


def _columns(content: bytes) -> Iterator[AnswerColumn]:
    if len(content) > _MOST_BYTES:
        raise FaultyBytesError(f"has more than {_MOST_BYTES >> 20} MiB")
    if not content.startswith(FIRST_LINE):
        raise FaultyBytesError("does not begin as a file of answers of this version")
    begin = len(FIRST_LINE)
    end = content.find(b"\n", begin, begin + _HEADER_LIMITS.size)
    listed = _header(content[begin : max(end, begin)])
    blocks = _Blocks(content, end + 1)
    for (kind, count), group in groupby(listed, lambda each: (each.kind, each.count)):
        alike = list(group)
        for first in range(0, len(alike), MOST_SHARED):
            part = alike[first : first + MOST_SHARED]
            every = _classes(len(part), count, blocks) if kind == "class" else _spans(len(part), count, blocks)
            yield from (AnswerColumn(each.log_sha256, kind, values) for each, values in zip(part, every, strict=True))
    blocks.require_end()


def _header(line: bytes) -> Sequence[_Listed]:
    try:
        header = parse_json(line, "the list of columns", _HEADER_LIMITS, unique=True)
    except DocumentError as error:
        raise FaultyBytesError(f"has a damaged list of columns ({error.problem})") from None
    columns = header.get("columns") if isinstance(header, dict) and len(header) == 1 else None
    if not isinstance(columns, list):
        raise FaultyBytesError("has no list of columns")
    listed = [_listed(each, number) for number, each in enumerate(columns)]
    if sum(each.count * PARTS[each.kind] for each in listed) > MOST_VALUES:
        raise FaultyBytesError(f"lists more than {MOST_VALUES:,} values")
    return listed


def _listed(column: Any, number: int) -> _Listed:
    known = isinstance(column, dict) and column.keys() == {"log", "kind", "count"}
    log, kind, count = (column["log"], column["kind"], column["count"]) if known else (None, None, None)
    right = isinstance(log, str) and _HASH.fullmatch(log) and isinstance(kind, str) and kind in PARTS
    if not right or type(count) is not int or not 0 < count <= MOST_VALUES:
        raise FaultyBytesError(f"has no hash, kind and count of the column {number}")
    return _Listed(str(log), "span" if kind == "span" else "class", count)


class _Blocks:
    """The blocks of a file, in order."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content, self._place, self._number = content, place, 0

    def next(self, typecode: str, count: int) -> array[int]:
        """Return the numbers of the next block, which must be `count`."""
        self._number += 1
        begin = self._place + _LENGTH_BYTES
        length = int.from_bytes(self._content[self._place : begin], "little")
        packed = self._content[begin : begin + length]
        self._place = begin + length
        values = array(typecode)
        wanted = count * values.itemsize
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES)
        try:
            unpacked = unpacker.decompress(packed, wanted + 1)
        except lzma.LZMAError as error:
            raise FaultyBytesError(f"has a damaged block {self._number} ({error})") from None
        if len(unpacked) != wanted or not unpacker.eof or unpacker.unused_data or len(packed) != length:
            raise FaultyBytesError(f"has a block {self._number} with other than {wanted:,} bytes")
        values.frombytes(unpacked)
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def require_end(self) -> None:
        """Raise FaultyBytesError if bytes follow the last block."""
        if self._place != len(self._content):
            raise FaultyBytesError("has bytes after its last block")


def _spans(columns: int, count: int, blocks: _Blocks) -> Iterator[array[int]]:
    for _ in range(columns):
        yield blocks.next("I", count * PARTS["span"])


def _classes(columns: int, count: int, blocks: _Blocks) -> Iterator[array[int]]:
    sizes = blocks.next("B", count)
    classes = blocks.next("H", sum(sizes))
    places = blocks.next("B", columns * count)
    begins = [0, *accumulate(sizes)]
    for column in range(columns):
        own = places[column * count : (column + 1) * count]
        if not all(map(lt, own, sizes)):
            raise FaultyBytesError("names a class of an image that is not listed")
        yield array("I", (classes[begin + place] for begin, place in zip(begins, own, strict=False)))
