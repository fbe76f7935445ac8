"""Checks of TFLite model files.

A file is checked before an engine reads it, because tflite-runtime crashes on many incomplete files, and before images
are preprocessed for it, which needs an image classifier.

A TFLite model is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs), in which tables refer to tables and vectors
by offsets. The check follows all offsets that an engine follows; none may lead out of the file.
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from pathlib import Path

_IDENTIFIER = b"TFL3"
_HEAD_BYTES = 8
_IMAGE_AXES = 4  # (batch, height, width, channels)
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_SHAPE, _NAME, _QUANTISATION = 0, 3, 4
# The followed fields of the schema: a number means a vector with so many bytes per entry, a dictionary a table, a list
# a vector of tables.
_TENSOR: dict[int, Any] = {_SHAPE: 4, _NAME: 1, _QUANTISATION: {2: 4, 3: 8}}
_OPERATOR: dict[int, Any] = {1: 4, 2: 4, 4: {}}  # inputs, outputs, options
_SUBGRAPH: dict[int, Any] = {_INPUTS: 4, _OUTPUTS: 4, _TENSORS: [_TENSOR], _OPERATORS: [_OPERATOR]}
_MODEL: dict[int, Any] = {_OPERATOR_CODES: [{}], _BUFFERS: [{0: 1}], _SUBGRAPHS: [_SUBGRAPH]}


class _OutsideError(ValueError):
    """An offset leads out of the file."""


def input_side(path: Path) -> int:
    """Return the side in pixels of a classifier's square input images.

    Raises:
        BackendError: the file is not a complete TFLite model, or the model is not a classifier of square images.
    """
    shape, *outputs = check_file(path)
    if len(shape) != _IMAGE_AXES or shape[1] != shape[2] or shape[1] < 1:
        raise BackendError(
            f"model {path}: its input is {shape}, not one square image (1, side, side, channels); "
            "use a classifier of single images"
        )
    # Only the engine knows the shape of an output without one in the file.
    if len(outputs) != 1 or (outputs[0] and math.prod(outputs[0]) != outputs[0][-1]):
        shapes = " and ".join(map(str, outputs)) or "none"
        raise BackendError(
            f"model {path}: its outputs are {shapes}, not one score for each class (1, classes); "
            "use an image classifier"
        )
    return shape[1]


def check_file(path: Path) -> list[tuple[int, ...]]:
    """Check the structure of a model, without its weights; the file is mapped.

    Returns:
        The shape of the first graph's only input, () if there are several or none, and the shapes of its outputs.

    Raises:
        BackendError: the file is absent, not a TFLite model, or incomplete.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[4:] != _IDENTIFIER:
                reason = "has no TFLite identifier (TFL3) in bytes 4 to 7" if head else "is empty"
                raise BackendError(f"model {path}: is not a TFLite file: it {reason}; use a .tflite file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _Flatbuffer(content).check()
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error
    except _OutsideError as error:
        size = path.stat().st_size
        raise BackendError(
            f"model {path}: the TFLite file is incomplete or damaged: {error} of its {size} bytes; download it again"
        ) from error


class _Flatbuffer:
    """A reader of flatbuffers that checks every offset against the size of the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._size = content, len(content)

    def check(self) -> list[tuple[int, ...]]:
        """Visit all tables; return the shapes that `check_file` returns."""
        root = self._follow(0)
        subgraphs = self._tables(root, _SUBGRAPHS)
        if not subgraphs or not self._tables(root, _OPERATOR_CODES):
            raise _OutsideError("no graph is in the first")
        self._visit(root, _MODEL)
        if not all(self._tables(graph, field) for graph in subgraphs for field in (_TENSORS, _OPERATORS)):
            raise _OutsideError("a graph has no tensors or operators in the first")
        tensors = self._tables(subgraphs[0], _TENSORS)
        inputs, outputs = (
            [self._numbers(tensors[place], _SHAPE) if 0 <= place < len(tensors) else () for place in places]
            for places in (self._numbers(subgraphs[0], field) for field in (_INPUTS, _OUTPUTS))
        )
        return [inputs[0] if len(inputs) == 1 else (), *outputs]

    def _visit(self, table: int, fields: dict[int, Any]) -> None:
        """Visit a table and follow its fields recursively."""
        self._field(table, 0)
        for field, kind in fields.items():
            if isinstance(kind, int):
                self._vector(table, field, kind)
            elif isinstance(kind, list):
                for entry in self._tables(table, field) if kind[0] else ():
                    self._visit(entry, kind[0])
            elif (place := self._field(table, field)) is not None:
                self._visit(self._follow(place), kind)

    def _number(self, form: str, place: int) -> int:
        if place < 0 or place + struct.calcsize(form) > self._size:
            raise _OutsideError(f"an offset leads to byte {place}")
        number: int = struct.unpack_from(form, self._content, place)[0]
        return number

    def _numbers(self, table: int, field: int) -> tuple[int, ...]:
        start, count = self._vector(table, field, 4)
        return tuple(self._number("<i", start + 4 * entry) for entry in range(count))

    def _follow(self, place: int) -> int:
        return place + self._number("<I", place)

    def _field(self, table: int, field: int) -> int | None:
        """Return the offset of a table's field, or None if the table does not have it."""
        layout = table - self._number("<i", table)
        layout_bytes = self._number("<H", layout)
        furthest = max(layout + layout_bytes, table + self._number("<H", layout + 2))
        if furthest > self._size:
            raise _OutsideError(f"a table leads to byte {furthest}")
        if 4 + 2 * field >= layout_bytes:
            return None
        offset = self._number("<H", layout + 4 + 2 * field)
        return table + offset if offset else None

    def _vector(self, table: int, field: int, entry_bytes: int) -> tuple[int, int]:
        """Return the offset of a vector's first entry and the number of its entries."""
        place = self._field(table, field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        count = self._number("<I", start)
        if start + 4 + count * entry_bytes > self._size:
            raise _OutsideError(f"a list ends at byte {start + 4 + count * entry_bytes}")
        return start + 4, count

    def _tables(self, table: int, field: int) -> list[int]:
        start, count = self._vector(table, field, 4)
        return [self._follow(start + 4 * entry) for entry in range(count)]
