"""Import of published tables with the columns of MLPerf's image classification results."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import Measurement, Value, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NEEDED = ("round", "organization", "platform", "system", "cpu", "sockets", "cores", "framework", "family")
_VARIANT = ("family", "multiplier", "resolution", "precision")
_NUMBERS = {"top1": "top1_percent", "latency_ms": "latency_ms", "energy_mj": "energy_mj"}


class TableError(LocatedError):
    """A table lacks a column, or a cell is no number."""


def read_table(path: Path) -> Iterator[Measurement]:
    """Read a CSV of SingleStream results; every value is copied, an empty cell is unknown.

    Raises:
        TableError: the file cannot be read, a column is missing, or a cell is malformed; named by its line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            needed = dict.fromkeys((*_NEEDED, *_VARIANT, *_NUMBERS))
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise TableError(path, f"has no column {', '.join(missing)}", "give a table with these columns")
            for row in reader:
                yield _measurement(row, f"{path}: line {reader.line_num}", path.name)
    except OSError as error:
        raise TableError(path, f"cannot be read ({error.strerror})", "give a table that can") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, f"is no CSV in UTF-8 ({error})", "give one") from None


def number_in(row: Mapping[str, str], name: str, where: str, source: str) -> Value:
    """Give a cell's number; unknown where it is empty, or says None as some published tables do.

    Raises:
        TableError: it is no number.
    """
    text = (row[name] or "").strip()
    if text in {"", "None"}:
        return unknown("the table's cell is empty")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TableError(where, f"{name} is {text!r}, no number", "correct the cell")
    return Value(value, "copied", source)


def _number_or_text(row: Mapping[str, str], name: str, source: str) -> Value:
    text = (row[name] or "").strip()
    if not text:
        return unknown("the table's cell is empty")
    return Value(int(text) if text.isdecimal() else text, "copied", source)


def _measurement(row: Mapping[str, str], where: str, source: str) -> Measurement:
    def copied(name: str) -> Value:
        text = row[name] or ""
        return Value(text, "copied", source) if text.strip() else unknown("the table's cell is empty")

    variant = "/".join(row[name] for name in _VARIANT if row[name])
    return Measurement(
        round=row["round"],
        benchmark="mobilenets",
        scenario="SingleStream",
        sample=False,
        sample_note="",
        validity=None,
        reasons=(),
        unofficial_because=(f"copied from the table {source}: its logs were not seen",),
        engine={"name": copied("framework"), "version": unknown("the table does not tell it apart")},
        model={"name": Value(variant, "copied", source), **{name: copied(name) for name in _VARIANT}},
        system={
            **{name: copied(name) for name in ("organization", "platform", "cpu")},
            "name": copied("system"),
            # Of cores of several kinds a table tells in words.
            **{name: _number_or_text(row, name, source) for name in ("sockets", "cores")},
        },
        values={name: number_in(row, column, where, source) for column, name in _NUMBERS.items()},
        logs={},
        warnings=(),
    )
