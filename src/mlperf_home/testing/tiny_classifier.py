"""A TFLite classifier of one fully connected layer, written byte by byte: no converter is needed.

A flatbuffer is laid out from its root: each table is written with its layout before it and what it refers to behind.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_FULLY_CONNECTED = 9  # BuiltinOperator
_FULLY_CONNECTED_OPTIONS = 8  # BuiltinOptions
_TYPES = {"float32": 0, "uint8": 3}
_BUFFER_ALIGNMENT = 16
_VERSION = 3

# A scalar is a form of `struct` and its number; anything else is a thing of its own, written behind.
_Table = dict[int, object]


@dataclass(frozen=True)
class TinyClassifier:
    """The classifier to write, "float32" or (quantised) "uint8", of images of side by side pixels.

    The output is named `outputs` times: 2 makes it no classifier.
    """

    dtype: str = "float32"
    side: int = 4
    classes: int = 1001
    outputs: int = 1


def write(path: Path, shape: TinyClassifier | None = None, seed: int = 0) -> Path:
    """Write a classifier of random weights to `path` and return it."""
    shape, random = shape or TinyClassifier(), np.random.default_rng(seed)
    inputs = shape.side * shape.side * 3
    if shape.dtype == "uint8":
        weights = random.integers(0, 256, (shape.classes, inputs), dtype=np.uint8)
    else:
        weights = random.normal(size=(shape.classes, inputs)).astype(np.float32)
    tensors = [
        _tensor(shape.dtype, [1, shape.side, shape.side, 3], 0, b"image", 1 / 128),
        _tensor(shape.dtype, [shape.classes, inputs], 1, b"weights", 1 / 128),
        _tensor(shape.dtype, [1, shape.classes], 0, b"scores", 0.25),
    ]
    operator: _Table = {1: [0, 1, -1], 2: [2], 3: ("<B", _FULLY_CONNECTED_OPTIONS), 4: {}}
    graph: _Table = {0: tensors, 1: [0], 2: [2] * shape.outputs, 3: [operator]}
    code: _Table = {0: ("<b", _FULLY_CONNECTED), 2: ("<i", 1), 3: ("<i", _FULLY_CONNECTED)}
    model: _Table = {0: ("<I", _VERSION), 1: [code], 2: [graph], 4: [{}, {0: weights.tobytes()}]}
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _table(out, model))
    path.write_bytes(bytes(out) + bytes(-len(out) % 4))
    return path


def _tensor(dtype: str, shape: list[int], buffer: int, name: bytes, scale: float) -> _Table:
    tensor: _Table = {0: shape, 1: ("<b", _TYPES[dtype]), 2: ("<I", buffer), 3: name}
    if dtype == "uint8":
        tensor[4] = {2: np.array([scale], np.float32), 3: np.array([128], np.int64)}
    return tensor


def _put(out: bytearray, thing: object) -> int:
    """Write a table or a vector and give its place."""
    if isinstance(thing, dict):
        return _table(out, thing)
    if isinstance(thing, list) and thing and isinstance(thing[0], dict):
        start = _aligned(out, 4, 0)
        out += struct.pack("<I", len(thing)) + bytes(4 * len(thing))
        for entry, each in enumerate(thing):
            place = start + 4 + 4 * entry
            struct.pack_into("<I", out, place, _table(out, each) - place)
        return start
    array = np.frombuffer(thing, np.uint8) if isinstance(thing, bytes) else np.asarray(thing)
    if isinstance(thing, list):
        array = array.astype(np.int32)
    start = _aligned(out, _BUFFER_ALIGNMENT, 4)
    out += struct.pack("<I", array.size) + array.tobytes() + b"\0"
    return start


def _table(out: bytearray, fields: _Table) -> int:
    count = max(fields, default=-1) + 1
    layout = _aligned(out, 4, 0)
    layout_bytes = 4 + 2 * count
    start = layout + layout_bytes + -layout_bytes % 4
    offsets = [4 + 4 * field if field in fields else 0 for field in range(count)]
    out += struct.pack(f"<{count + 2}H", layout_bytes, 4 + 4 * count, *offsets) + bytes(-layout_bytes % 4)
    out += struct.pack("<i", start - layout) + bytes(4 * count)
    for field, value in fields.items():
        place = start + offsets[field]
        if isinstance(value, tuple):
            struct.pack_into(value[0], out, place, value[1])
        else:
            struct.pack_into("<I", out, place, _put(out, value) - place)
    return start


def _aligned(out: bytearray, alignment: int, ahead: int) -> int:
    """Fill up until what comes `ahead` bytes behind the end is aligned, and give the end."""
    out += bytes(-(len(out) + ahead) % alignment)
    return len(out)
