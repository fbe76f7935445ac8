"""Is a file a whole TFLite model? Asked before an engine reads it: tflite-runtime crashes on many that are cut short.

And is it an image classifier? Asked before images are preprocessed for it.

A TFLite model is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs): tables refer to tables and vectors by
offsets. All that an engine follows is followed here, and none of it may lead out of the file.
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
# The fields of the schema that are followed: a number is a vector's bytes per entry, a dictionary a table, and a list
# a vector of tables.
_TENSOR: dict[int, Any] = {_SHAPE: 4, _NAME: 1, _QUANTISATION: {2: 4, 3: 8}}
_OPERATOR: dict[int, Any] = {1: 4, 2: 4, 4: {}}  # inputs, outputs, options
_SUBGRAPH: dict[int, Any] = {_INPUTS: 4, _OUTPUTS: 4, _TENSORS: [_TENSOR], _OPERATORS: [_OPERATOR]}
_MODEL: dict[int, Any] = {_OPERATOR_CODES: [{}], _BUFFERS: [{0: 1}], _SUBGRAPHS: [_SUBGRAPH]}


class _OutsideError(ValueError):
    """An offset leads out of the file."""


def input_side(path: Path) -> int:
    """Return rows and columns of the square images that a classifier takes.

    Raises:
        BackendError: the file is no whole TFLite model, its one input is no square image, or its one output no score
            for each class.
    """
    shape, *outputs = check_file(path)
    if len(shape) != _IMAGE_AXES or shape[1] != shape[2] or shape[1] < 1:
        raise BackendError(
            f"model {path}: its input is {shape}, not one square image (1, side, side, channels); "
            "give a classifier of single images"
        )
    # An output of no shape is told by the engine alone.
    if len(outputs) != 1 or (outputs[0] and math.prod(outputs[0]) != outputs[0][-1]):
        found = " and ".join(map(str, outputs)) or "nothing"
        raise BackendError(
            f"model {path}: it gives {found}, not one score for each class (1, classes); give an image classifier"
        )
    return shape[1]


def check_file(path: Path) -> list[tuple[int, ...]]:
    """Check a model's structure, not its weights; the file is mapped rather than copied.

    Return the shapes of the first graph's one input, () if it has not one, and its outputs.

    Raises:
        BackendError: the file is absent, no TFLite model, or cut short.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[4:] != _IDENTIFIER:
                found = "is empty" if not head else "has no TFLite identifier (TFL3) in its bytes 4 to 7"
                raise BackendError(f"model {path}: is no TFLite file, it {found}; give a .tflite file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _Walk(content).ends()
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error
    except _OutsideError as error:
        size = path.stat().st_size
        raise BackendError(
            f"model {path}: the TFLite file is cut short or damaged, {error} of its {size} bytes; fetch it again"
        ) from error


class _Walk:
    """Follows the offsets of a flatbuffer; every read is checked against its size."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._size = content, len(content)

    def ends(self) -> list[tuple[int, ...]]:
        """Visit all tables; return what `check_file` does."""
        root = self._follow(0)
        subgraphs = self._tables(root, _SUBGRAPHS)
        if not subgraphs or not self._tables(root, _OPERATOR_CODES):
            raise _OutsideError("no graph was found in the first")
        self._visit(root, _MODEL)
        if not all(self._tables(graph, field) for graph in subgraphs for field in (_TENSORS, _OPERATORS)):
            raise _OutsideError("no tensors or no operators were found in the first")
        tensors = self._tables(subgraphs[0], _TENSORS)
        inputs, outputs = (
            [self._numbers(tensors[place], _SHAPE) if 0 <= place < len(tensors) else () for place in places]
            for places in (self._numbers(subgraphs[0], field) for field in (_INPUTS, _OUTPUTS))
        )
        return [inputs[0] if len(inputs) == 1 else (), *outputs]

    def _visit(self, table: int, fields: dict[int, Any]) -> None:
        """Follow a table's fields, and theirs; the first is looked at in any case."""
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
        """Return the place of a table's field, None where it has none."""
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
        """Return the place of a vector's first entry and the number of its entries."""
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
