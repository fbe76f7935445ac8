"""Is a file a whole TFLite model? Asked before an engine reads it: tflite-runtime crashes on many that are cut short.

And is it an image classifier? Asked before images are preprocessed for it.

A TFLite model is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs): tables refer to tables and vectors by
offsets. All that an engine follows is followed here, and none of it may lead out of the file.
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING

from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from pathlib import Path

_IDENTIFIER = b"TFL3"
_HEAD_BYTES = 8
_IMAGE_AXES = 4  # (batch, height, width, channels)
# The fields of the schema that are followed: model, subgraph, tensor, quantisation, operator, buffer.
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_SHAPE, _NAME, _QUANTISATION = 0, 3, 4
_SCALE, _ZERO_POINT = 2, 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _OPERATOR_OPTIONS = 1, 2, 4
_DATA = 0


class _OutsideError(ValueError):
    """An offset leads out of the file."""


def check_file(path: Path) -> None:
    """Read a model's structure, not its weights.

    Args:
        path: the model; it is only read, and mapped rather than copied.

    Raises:
        BackendError: the file is absent, no TFLite model, or cut short.
    """
    _read_ends(path)


def input_side(path: Path) -> int:
    """Give rows and columns of the square images that a classifier takes.

    Raises:
        BackendError: the file is no whole TFLite model, its one input is no square image, or its one output no score
            for each class.
    """
    shape, *outputs = _read_ends(path)
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


def _read_ends(path: Path) -> list[tuple[int, ...]]:
    """Check the structure; give the shapes of the first graph's one input, () where it has not one, and its outputs."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[4:] != _IDENTIFIER:
                found = "is empty" if not head else "has no TFLite identifier (TFL3) in its bytes 4 to 7"
                raise BackendError(f"model {path}: is no TFLite file, it {found}; give a .tflite file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _Walk(content).model()
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
        self._content = content
        self._size = len(content)

    def model(self) -> list[tuple[int, ...]]:
        """Visit the model's tables; give the shape of the one input, () where there is not one, and of each output."""
        root = self._follow(0)
        subgraphs = self._tables(root, _SUBGRAPHS)
        if not subgraphs or not self._tables(root, _OPERATOR_CODES):
            raise _OutsideError("no graph was found in the first")
        for buffer in self._tables(root, _BUFFERS):
            self._vector(buffer, _DATA, 1)
        for subgraph in subgraphs:
            self._subgraph(subgraph)
        inputs, outputs = (self._shapes(subgraphs[0], field) for field in (_INPUTS, _OUTPUTS))
        return [inputs[0] if len(inputs) == 1 else (), *outputs]

    def _shapes(self, subgraph: int, field: int) -> list[tuple[int, ...]]:
        """Give the shapes of a graph's inputs or outputs, () where there is no such tensor."""
        tensors = self._tables(subgraph, _TENSORS)
        start, count = self._vector(subgraph, field, 4)
        numbers = [self._number("<i", start + 4 * entry) for entry in range(count)]
        return [self._shape(tensors[number]) if 0 <= number < len(tensors) else () for number in numbers]

    def _shape(self, tensor: int) -> tuple[int, ...]:
        first, axes = self._vector(tensor, _SHAPE, 4)
        return tuple(self._number("<i", first + 4 * axis) for axis in range(axes))

    def _subgraph(self, subgraph: int) -> None:
        for field in (_INPUTS, _OUTPUTS):
            self._vector(subgraph, field, 4)
        tensors = self._tables(subgraph, _TENSORS)
        operators = self._tables(subgraph, _OPERATORS)
        if not tensors or not operators:
            raise _OutsideError("no tensors or no operators were found in the first")
        for tensor in tensors:
            self._vector(tensor, _SHAPE, 4)
            self._vector(tensor, _NAME, 1)
            if (quantisation := self._table(tensor, _QUANTISATION)) is not None:
                self._vector(quantisation, _SCALE, 4)
                self._vector(quantisation, _ZERO_POINT, 8)
        for operator in operators:
            self._vector(operator, _OPERATOR_INPUTS, 4)
            self._vector(operator, _OPERATOR_OUTPUTS, 4)
            self._table(operator, _OPERATOR_OPTIONS)

    def _number(self, form: str, place: int) -> int:
        end = place + struct.calcsize(form)
        if place < 0 or end > self._size:
            raise _OutsideError(f"an offset leads to byte {place}")
        number: int = struct.unpack_from(form, self._content, place)[0]
        return number

    def _follow(self, place: int) -> int:
        return place + self._number("<I", place)

    def _field(self, table: int, field: int) -> int | None:
        """Give the place of a table's field, None where it has none."""
        layout = table - self._number("<i", table)
        layout_bytes = self._number("<H", layout)
        table_bytes = self._number("<H", layout + 2)
        if layout + layout_bytes > self._size or table + table_bytes > self._size:
            raise _OutsideError(f"a table leads to byte {max(layout + layout_bytes, table + table_bytes)}")
        if 4 + 2 * field >= layout_bytes:
            return None
        offset = self._number("<H", layout + 4 + 2 * field)
        return table + offset if offset else None

    def _table(self, table: int, field: int) -> int | None:
        place = self._field(table, field)
        if place is None:
            return None
        found = self._follow(place)
        self._field(found, 0)
        return found

    def _vector(self, table: int, field: int, entry_bytes: int) -> tuple[int, int]:
        """Give the place of a vector's first entry and the number of its entries."""
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
