"""Write `answers.bin`, whose format `answers` describes."""

from __future__ import annotations

import json
import lzma
from array import array
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.answers import (
    FIRST_LINE,
    MOST_SHARED,
    MOST_VALUES,
    AnswersError,
    little_endian,
)
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlperf_home.loadgen_logs.answers import AnswerColumn


def write_answers(path: Path, columns: Sequence[AnswerColumn]) -> None:
    """Write a file of answers atomically; equal columns in one order give equal files.

    Raises:
        AnswersError: there are too many answers, or the file cannot be written.
    """
    if sum(len(each.values) for each in columns) > MOST_VALUES:
        raise AnswersError(path, f"would hold more than {MOST_VALUES:,} values", "keep fewer results in one folder")
    try:
        replace_bytes(path, encoded(columns))
    except OSError as error:
        raise AnswersError(path, f"cannot be written ({error.strerror})", "name a writable folder") from error


def encoded(columns: Sequence[AnswerColumn]) -> bytes:
    """Return columns as the content of a file; those of one kind and count are put together."""
    ordered = sorted(columns, key=lambda each: (each.kind, each.count))
    header = {"columns": [{"log": each.log_sha256, "kind": each.kind, "count": each.count} for each in ordered]}
    parts = [FIRST_LINE, json.dumps(header, sort_keys=True, separators=(",", ":")).encode(), b"\n"]
    for block in _blocks(ordered):
        parts += [len(block).to_bytes(4, "little"), block]
    return b"".join(parts)


def _blocks(columns: Sequence[AnswerColumn]) -> Iterator[bytes]:
    for (kind, _), group in groupby(columns, lambda each: (each.kind, each.count)):
        alike = list(group)
        for first in range(0, len(alike), MOST_SHARED):
            part = alike[first : first + MOST_SHARED]
            yield from _class_blocks(part) if kind == "class" else (_packed(each.values) for each in part)


def _class_blocks(group: Sequence[AnswerColumn]) -> Iterator[bytes]:
    sizes, classes, places = array("B"), array("H"), bytearray()
    for row in zip(*(each.values for each in group), strict=True):
        counts = Counter(row)
        ranked = sorted(counts, key=lambda value: (-counts[value], value))
        place_of = {value: place for place, value in enumerate(ranked)}
        sizes.append(len(ranked))
        classes.extend(ranked)
        places += bytes(map(place_of.__getitem__, row))
    yield _packed(sizes)
    yield _packed(classes)
    yield _packed(array("B", b"".join(places[place :: len(group)] for place in range(len(group)))))


def _packed(values: array[int]) -> bytes:
    # The bytes at one place of a number predict each other: lp and pb are the logarithm of a number's bytes.
    width = values.itemsize.bit_length() - 1
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3 if width else 0, "lp": min(width, 1), "pb": width}]
    return lzma.compress(little_endian(values), lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters)
