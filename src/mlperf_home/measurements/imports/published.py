"""Import of published tables, recognised by their columns: image classification, and BERT.

Values are copied; those of empty cells are unknown.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import Measurement, Value, unknown
from scriptgraph.files.parsing import finite_number, parsing, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_SHOWN = 60
# A count of more digits is no count; it stays a text.
_TOO_LARGE = 1 << 32
_VARIANT = ("family", "multiplier", "resolution", "precision")
_NUMBERS = {"top1": "top1_percent", "latency_ms": "latency_ms", "energy_mj": "energy_mj"}
_SYSTEM = ("round", "organization", "platform", "system", "cpu", "sockets", "cores", "framework")
_IMAGES = (*_SYSTEM, *_VARIANT, *_NUMBERS)
_BERT = (
    *("version", "Division", "Organization", "Platform", "SystemName", "host_processor_model_name", "framework"),
    *("host_processors_per_node", "host_processor_core_count", "MlperfModel", "Model", "Scenario"),
    *("Accuracy", "Result", "Result_Units"),
)
_ADVICE = "save the table as CSV in UTF-8"
_UNITS = {
    "Samples/s": "samples_per_second",
    "Queries/s": "queries_per_second",
    "Latency (ms)": "latency_ms",
    "Watts": "power_w",
    "millijoules": "energy_mj",
}
# For other benchmarks the table does not name the metric.
_ACCURACY = {"bert-99": "f1_percent", "bert-99.9": "f1_percent", "resnet": "top1_percent"}


IMAGE_BENCHMARK = "resnet"
"""The benchmark of all image classifiers, in the rules of a round and so in results."""


class TableError(LocatedError):
    """A table cannot be read, lacks a column, or has a malformed cell."""


class _Row:
    """A row of a table; its cells become values."""

    def __init__(self, cells: Mapping[str, str], where: str, source: str) -> None:
        self.cells = {name: (cell or "").strip() for name, cell in cells.items() if name is not None}
        self.where = where
        self.source = source

    def value(self, name: str) -> Value:
        """Return a cell's text as a value; an empty cell is unknown."""
        text = self.cells[name]
        return Value(text, "copied", self.source) if text else unknown("the table's cell is empty")

    def number(self, name: str) -> Value:
        """Return a cell's number as a value; an empty cell is unknown, as is None, which some published tables have.

        Raises:
            TableError: the cell is no number.
        """
        text = self.cells[name]
        if text in {"", "None"}:
            return unknown("the table's cell is empty")
        value = finite_number(text)
        if value is None:
            raise TableError(self.where, f"{name} is {text[:_SHOWN]!r}, not a number", "correct the cell")
        return Value(value, "copied", self.source)

    def number_or_text(self, name: str) -> Value:
        """Return a cell's count; a table may describe cores of several kinds in words."""
        text = self.cells[name]
        count = whole_number(text)
        return self.value(name) if count is None or count >= _TOO_LARGE else Value(count, "copied", self.source)

    def measurement(
        self, at: tuple[str, str, str], model: dict[str, Value], system: dict[str, Value], values: dict[str, Value]
    ) -> Measurement:
        """Return the measurement of a round, benchmark and scenario (`at`)."""
        return Measurement(
            *at,
            sample=False,
            sample_note="",
            validity=None,
            reasons=(),
            unofficial_because=(f"copied from the table {self.source}: its logs were not seen",),
            engine={"name": self.value("framework"), "version": unknown("the table does not tell it apart")},
            model=model,
            system=system,
            values=values,
            logs={},
            warnings=(),
        )


def read_published(path: Path) -> Iterator[Measurement]:
    """Read a CSV file of published results of either kind; raise as `read_table` does."""
    rows = _rows(path, lambda columns: _BERT if "MlperfModel" in columns else _IMAGES)
    return (_bert(row) if "MlperfModel" in row.cells else _image_result(row) for row in rows)


def read_table(path: Path) -> Iterator[Measurement]:
    """Read a CSV file of SingleStream results of image classification.

    Raises:
        TableError: the file cannot be read, a column is missing, or a cell is malformed; the error has its line.
    """
    return map(_image_result, _rows(path, lambda _: _IMAGES))


def _rows(path: Path, needed: Callable[[list[str]], tuple[str, ...]]) -> Iterator[_Row]:
    try:
        with (
            parsing(lambda reason: TableError(path, f"is not CSV in UTF-8 ({reason})", _ADVICE), TableError),
            path.open(encoding="utf-8", newline="") as file,
        ):
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            if missing := [name for name in needed(columns) if name not in columns]:
                raise TableError(path, f"has no column {', '.join(missing)}", "add it, or import another table")
            for cells in reader:
                yield _Row(cells, f"{path}: line {reader.line_num}", path.name)
    except OSError as error:
        raise TableError(path, f"cannot be read ({error.strerror})", "name a file that you can read") from None


def _bert(row: _Row) -> Measurement:
    unit, benchmark = row.cells["Result_Units"], row.cells["MlperfModel"]
    if unit not in _UNITS:
        raise TableError(row.where, f"Result_Units is {unit[:_SHOWN]!r}", f"use one of {', '.join(_UNITS)}")
    system = {
        "name": row.value("SystemName"),
        **{name.lower(): row.value(name) for name in ("Platform", "Organization", "Division")},
        "host_processor_model_name": row.value("host_processor_model_name"),
        "sockets": row.number("host_processors_per_node"),
        "cores": row.number("host_processor_core_count"),
    }
    values = {_UNITS[unit]: row.number("Result"), _ACCURACY.get(benchmark, "accuracy"): row.number("Accuracy")}
    at = (row.cells["version"], benchmark, row.cells["Scenario"])
    return row.measurement(at, {"name": row.value("Model")}, system, values)


def _image_result(row: _Row) -> Measurement:
    variant = "/".join(row.cells[name] for name in _VARIANT if row.cells[name])
    system = {
        **{name: row.value(name) for name in ("organization", "platform", "cpu")},
        "name": row.value("system"),
        **{name: row.number_or_text(name) for name in ("sockets", "cores")},
    }
    return row.measurement(
        (row.cells["round"], IMAGE_BENCHMARK, "SingleStream"),
        {"name": Value(variant, "copied", row.source), **{name: row.value(name) for name in _VARIANT}},
        system,
        {name: row.number(column) for column, name in _NUMBERS.items()},
    )
