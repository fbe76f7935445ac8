"""A hostile TFLite file costs no more than its size."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.tflite.model_file import check_file

if TYPE_CHECKING:
    from pathlib import Path

_LAYOUT, _TABLE_BYTES, _FIELDS = 8, 24, 5


def _repeating(count: int) -> bytes:
    """Return a model whose list of graphs leads `count` times to one graph, and its list of tensors to one tensor."""
    list_bytes = 4 * (count + 1)
    # Offsets lead forward: each list lies before its tables.
    root = _LAYOUT + 16
    graphs = root + _TABLE_BYTES
    graph = graphs + list_bytes
    tensors = graph + _TABLE_BYTES
    tensor = tensors + list_bytes
    scales = tensor + _TABLE_BYTES
    empty = scales + _TABLE_BYTES
    content = bytearray(empty + 4)
    content[4:8] = b"TFL3"
    struct.pack_into("<I", content, 0, root)
    struct.pack_into("<7H", content, _LAYOUT, 4 + 2 * _FIELDS, _TABLE_BYTES, 4, 8, 12, 16, 20)

    def point(place: int, target: int) -> None:
        struct.pack_into("<I", content, place, target - place)

    targets = {root: [empty, graphs, graphs, empty, empty], graph: [tensors, empty, empty, tensors, empty]}
    targets |= {tensor: [empty, empty, empty, empty, scales], scales: [empty] * _FIELDS}
    for table, fields in targets.items():
        struct.pack_into("<i", content, table, table - _LAYOUT)
        for number, target in enumerate(fields):
            point(table + 4 + 4 * number, target)
    for start, target in ((graphs, graph), (tensors, tensor)):
        struct.pack_into("<I", content, start, count)
        for entry in range(count):
            point(start + 4 + 4 * entry, target)
    return bytes(content)


def test_lists_that_repeat_a_table_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(_repeating(2))

    assert check_file(path).inputs == ()


def test_lists_that_repeat_a_table_endlessly_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(_repeating(20_000))  # 160 kB that lead to 10^9 tables

    with pytest.raises(BackendError, match="lists lead to the same tables again and again"):
        check_file(path)
