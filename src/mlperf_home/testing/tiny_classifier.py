"""Write a TFLite classifier of one fully connected layer byte by byte, without a converter.

The flatbuffer is written from its root: each table follows its layout (vtable) and precedes its referenced values.
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
_TYPES = {"float32": 0, "float16": 1, "uint8": 3, "int64": 4, "int8": 9}
_BUFFER_ALIGNMENT = 16
_VERSION = 3

# A scalar is a `struct` format and its value; every other value is written after the table and referenced.
_Table = dict[int, object]


@dataclass(frozen=True)
class TinyClassifier:
    """The properties of the classifier: "float32" or quantised "uint8", for images of side x side pixels.

    Engines run it with these; the others are for checks of the file.

    Attributes:
        outputs: how often the graph lists its output; with 2 it is not a classifier.
        image: the shape of the input where it is not (1, side, side, 3).
        signature: the shape of the input with -1 for open dimensions; () for none.
        image_type: the type of the input where it is not `dtype`; it has no scale.
        files: the names of files beside the model that hold weights.
    """

    dtype: str = "float32"
    side: int = 4
    classes: int = 1001
    outputs: int = 1
    image: tuple[int, ...] = ()
    signature: tuple[int, ...] = ()
    image_type: str = ""
    files: tuple[str, ...] = ()


def write(path: Path, properties: TinyClassifier | None = None, seed: int = 0) -> Path:
    """Write a classifier of random weights to `path` and return it."""
    properties, random = properties or TinyClassifier(), np.random.default_rng(seed)
    inputs = properties.side * properties.side * 3
    if properties.dtype == "uint8":
        weights = random.integers(0, 256, (properties.classes, inputs), dtype=np.uint8)
    else:
        weights = random.normal(size=(properties.classes, inputs)).astype(np.float32)
    shape = list(properties.image or (1, properties.side, properties.side, 3))
    image = _tensor(properties.image_type or properties.dtype, shape, 0, b"image", 1 / 128)
    if properties.signature:
        image[7] = list(properties.signature)
    tensors = [
        image,
        _tensor(properties.dtype, [properties.classes, inputs], 1, b"weights", 1 / 128),
        _tensor(properties.dtype, [1, properties.classes], 0, b"scores", 0.25),
    ]
    operator: _Table = {1: [0, 1, -1], 2: [2], 3: ("<B", _FULLY_CONNECTED_OPTIONS), 4: {}}
    graph: _Table = {0: tensors, 1: [0], 2: [2] * properties.outputs, 3: [operator]}
    code: _Table = {0: ("<b", _FULLY_CONNECTED), 2: ("<i", 1), 3: ("<i", _FULLY_CONNECTED)}
    model: _Table = {0: ("<I", _VERSION), 1: [code], 2: [graph], 4: [{}, {0: weights.tobytes()}]}
    if properties.files:
        model[8] = [{0: name.encode()} for name in properties.files]
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _table(out, model))
    path.write_bytes(bytes(out) + bytes(-len(out) % 4))
    return path


def _tensor(dtype: str, shape: list[int], buffer: int, name: bytes, scale: float) -> _Table:
    tensor: _Table = {0: shape, 1: ("<b", _TYPES[dtype]), 2: ("<I", buffer), 3: name}
    if dtype == "uint8":
        tensor[4] = {2: np.array([scale], np.float32), 3: np.array([128], np.int64)}
    return tensor


def _put(out: bytearray, value: object) -> int:
    """Write a table or a vector and return its position."""
    if isinstance(value, dict):
        return _table(out, value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        start = _aligned(out, 4, 0)
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, entry in enumerate(value):
            place = start + 4 + 4 * index
            struct.pack_into("<I", out, place, _table(out, entry) - place)
        return start
    array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)
    if isinstance(value, list):
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
    """Pad until the position `ahead` bytes after the end is aligned, and return the end."""
    out += bytes(-(len(out) + ahead) % alignment)
    return len(out)
