"""The files that an ONNX model refers to, found without its weights and without the package onnx.

A model may keep its tensors in other files ("external data"). The file is a Protobuf message (onnx/onnx.proto), in
which each field has a number and a type. Fields that hold neither tensors nor graphs are skipped without reading them.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from mlperf_home.engines.base import BackendError
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The fields of each message that lead to a tensor, by number.
FIELDS = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        **dict.fromkeys((5, 10), "TensorProto"),
        **dict.fromkeys((6, 11), "GraphProto"),
        **dict.fromkeys((22, 23), "SparseTensorProto"),
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_EXTERNAL = 1
_KEY, _VALUE = 1, 2
# Types of fields in Protobuf's encoding.
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_LOW_BITS, _MOST_VARINT_BITS = 127, 63
Part = tuple[int, int]
"""The begin and the end of a message in a file."""


class _DamagedError(ValueError):
    """The bytes are no message."""


def external_files(path: Path) -> tuple[str, ...]:
    """Return the names of the files with a model's tensors, as the model writes them, without repetition.

    Raises:
        BackendError: the file is absent, or is no complete ONNX model.
    """

    def damaged(reason: str) -> BackendError:
        return BackendError(f"model {path}: is not a complete ONNX file ({reason}); download or export it again")

    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return ()
            with parsing(damaged), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return tuple(sorted({name for part in _tensors(content) if (name := _location(content, part))}))
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error


def _tensors(content: mmap.mmap) -> Iterator[Part]:
    """Yield the place of every tensor: weights, constants of nodes, and those of conditions, loops and functions."""
    parts = [("ModelProto", (0, len(content)))]
    while parts:
        kind, part = parts.pop()
        if kind == "TensorProto":
            yield part
            continue
        known = FIELDS[kind]
        parts += [(known[number], place) for number, place in fields(content, part) if number in known]


def _location(content: mmap.mmap, tensor: Part) -> str:
    """Return the name of the file with a tensor's values; "" for a tensor in the model's own file."""
    location, external = "", False
    for number, place in fields(content, tensor):
        if number == _EXTERNAL_DATA:
            entry = {key: content[slice(*text)] for key, text in fields(content, place)}
            if entry.get(_KEY) == b"location":
                location = _text(entry.get(_VALUE, b""))
        elif number == _DATA_LOCATION:
            external = varint(content, *place)[0] == _EXTERNAL
    return location if external else ""


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _DamagedError(f"{content[:40]!r} names no file") from None


def fields(content: mmap.mmap, part: Part) -> Iterator[tuple[int, Part]]:
    """Yield the number and the place of each field of a message."""
    place, end = part
    while place < end:
        tag, place = varint(content, place, end)
        kind = tag & 7
        if kind == _VARINT:
            _, after = varint(content, place, end)
        elif kind == _BYTES:
            size, place = varint(content, place, end)
            after = place + size
        elif kind in _FIXED:
            after = place + _FIXED[kind]
        else:
            raise _DamagedError(f"byte {place} has no field")
        if after > end:
            raise _DamagedError(f"a field leads to byte {after} of {end}")
        yield tag >> 3, (place, after)
        place = after


def varint(content: mmap.mmap, place: int, end: int) -> tuple[int, int]:
    """Return a number of variable length and the place behind it."""
    number = 0
    for bits in range(0, _MOST_VARINT_BITS + 1, 7):
        if place >= end:
            raise _DamagedError(f"it ends within a number at byte {place}")
        byte = content[place]
        place += 1
        number |= (byte & _LOW_BITS) << bits
        if byte <= _LOW_BITS:  # the last byte
            return number, place
    raise _DamagedError(f"a number at byte {place} is too long")
