"""Checks of TFLite model files.

A file is checked before an engine reads it, because tflite-runtime crashes on many incomplete files.

A TFLite model is a flatbuffer (schema: tensorflow/lite/schema/schema.fbs), in which tables refer to tables and vectors
by offsets. The check follows all offsets that an engine follows; none may lead out of the file.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from pathlib import Path

_IDENTIFIER = b"TFL3"
_HEAD_BYTES = 8
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_FILES = 8  # external_buffer_groups: each group is a file beside the model
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_SHAPE, _TYPE, _NAME, _QUANTISATION, _SIGNATURE = 0, 1, 3, 4, 7
_SCALE = 2
OPEN = -1
"""An open dimension in a signature."""
_DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool", 7: "int16", 9: "int8",
    10: "float64",
}  # fmt: skip
# The followed fields of the schema: a number means a vector with so many bytes per entry, a dictionary a table, a list
# a vector of tables.
_TENSOR: dict[int, Any] = {_SHAPE: 4, _NAME: 1, _QUANTISATION: {_SCALE: 4, 3: 8}, _SIGNATURE: 4}
_OPERATOR: dict[int, Any] = {1: 4, 2: 4, 4: {}}  # inputs, outputs, options
_SUBGRAPH: dict[int, Any] = {_INPUTS: 4, _OUTPUTS: 4, _TENSORS: [_TENSOR], _OPERATORS: [_OPERATOR]}
_MODEL: dict[int, Any] = {_OPERATOR_CODES: [{}], _BUFFERS: [{0: 1}], _SUBGRAPHS: [_SUBGRAPH], _FILES: [{0: 1}]}


class _OutsideError(ValueError):
    """An offset leads out of the file."""


@dataclass(frozen=True)
class FileTensor:
    """An input or output of a graph, as the file describes it.

    Attributes:
        shape: its dimensions; () where the file does not tell them.
        signature: the same with -1 for a dimension that is open, for which `shape` has a placeholder; () without any.
        dtype: its type's name.
        scaled: whether it has the scale of a quantisation.
    """

    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    scaled: bool


_UNKNOWN = FileTensor((), (), "unknown", scaled=False)


@dataclass(frozen=True)
class FileFacts:
    """The first graph's inputs and outputs, and the names of the files beside the model that hold weights."""

    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]
    files: tuple[str, ...]


def check_file(path: Path) -> FileFacts:
    """Check the structure of a model, without its weights; the file is mapped.

    Raises:
        BackendError: the file is absent, not a TFLite model, or incomplete.
    """

    def damaged(reason: str) -> BackendError:
        size = path.stat().st_size
        problem = f"the TFLite file is incomplete or damaged: {reason} of its {size} bytes"
        return BackendError(f"model {path}: {problem}; download it again")

    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[4:] != _IDENTIFIER:
                reason = "has no TFLite identifier (TFL3) in bytes 4 to 7" if head else "is empty"
                raise BackendError(f"model {path}: is not a TFLite file: it {reason}; use a .tflite file")
            with parsing(damaged, BackendError), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _Flatbuffer(content).check()
    except OSError as error:
        raise BackendError(f"model {path}: cannot be read ({error.strerror or error}); check the path") from error


class _Flatbuffer:
    """A reader of flatbuffers that checks every offset against the size of the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._size = content, len(content)
        # Each table has bytes of its own in a real file; in a hostile one, lists lead to one table again and again.
        self._visits_left = self._size

    def check(self) -> FileFacts:
        """Visit all tables; return the facts."""
        root = self._follow(0)
        subgraphs = self._tables(root, _SUBGRAPHS)
        if not subgraphs or not self._tables(root, _OPERATOR_CODES):
            raise _OutsideError("no graph is in the first")
        self._visit(root, _MODEL)
        if not all(self._tables(graph, field) for graph in subgraphs for field in (_TENSORS, _OPERATORS)):
            raise _OutsideError("a graph has no tensors or operators in the first")
        tensors = self._tables(subgraphs[0], _TENSORS)
        inputs, outputs = (
            tuple(
                self._tensor(tensors[place]) if 0 <= place < len(tensors) else _UNKNOWN
                for place in self._numbers(subgraphs[0], field)
            )
            for field in (_INPUTS, _OUTPUTS)
        )
        return FileFacts(inputs, outputs, tuple(self._text(group, 0) for group in self._tables(root, _FILES)))

    def _tensor(self, table: int) -> FileTensor:
        place = self._field(table, _TYPE)
        number = 0 if place is None else self._number("<b", place)
        place = self._field(table, _QUANTISATION)
        scaled = place is not None and self._vector(self._follow(place), _SCALE, 4)[1] > 0
        dtype = _DTYPES.get(number, f"of TFLite's type {number}")
        return FileTensor(self._numbers(table, _SHAPE), self._numbers(table, _SIGNATURE), dtype, scaled)

    def _text(self, table: int, field: int) -> str:
        start, count = self._vector(table, field, 1)
        return self._content[start : start + count].decode(errors="replace")

    def _visit(self, table: int, fields: dict[int, Any]) -> None:
        """Visit a table and follow its fields recursively."""
        self._visits_left -= 4
        if self._visits_left < 0:
            raise _OutsideError("its lists lead to the same tables again and again, more often than the number")
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
