"""Published tables, by their columns: image classification, and BERT."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from mlperf_home.measurements.imports.tables import TableError, number_in, read_table
from mlperf_home.measurements.measurement import Measurement, Value, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BERT = (
    *("version", "Division", "Organization", "Platform", "SystemName", "host_processor_model_name", "framework"),
    *("host_processors_per_node", "host_processor_core_count", "MlperfModel", "Model", "Scenario"),
    *("Accuracy", "Result", "Result_Units"),
)
_UNITS = {
    "Samples/s": "samples_per_second",
    "Queries/s": "queries_per_second",
    "Latency (ms)": "latency_ms",
    "Watts": "power_w",
    "millijoules": "energy_mj",
}
# Of benchmarks whose accuracy is something else, the table does not say what.
_ACCURACY = {"bert-99": "f1_percent", "bert-99.9": "f1_percent", "resnet": "top1_percent"}


def read_published(path: Path) -> Iterator[Measurement]:
    """Read a CSV with the columns of published results; every value is copied, an empty cell is unknown.

    Raises:
        TableError: it cannot be read, lacks a column, or has a cell that is no number.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file), [])
    except OSError as error:
        raise TableError(path, f"cannot be read ({error.strerror})", "give a table that can") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, f"is no CSV in UTF-8 ({error})", "give one") from None
    return _read_bert(path) if "MlperfModel" in columns else read_table(path)


def _read_bert(path: Path) -> Iterator[Measurement]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in _BERT if name not in (reader.fieldnames or ())]:
            raise TableError(path, f"has no column {', '.join(missing)}", "give a table with these columns")
        for row in reader:
            yield _bert(row, f"{path}: line {reader.line_num}", path.name)


def _bert(row: Mapping[str, str], where: str, source: str) -> Measurement:
    def copied(name: str) -> Value:
        text = (row[name] or "").strip()
        return Value(text, "copied", source) if text else unknown("the table's cell is empty")

    unit = (row["Result_Units"] or "").strip()
    if unit not in _UNITS:
        raise TableError(where, f"Result_Units is {unit!r}", f"use one of {', '.join(_UNITS)}")
    return Measurement(
        round=row["version"],
        benchmark=row["MlperfModel"],
        scenario=row["Scenario"],
        sample=False,
        sample_note="",
        validity=None,
        reasons=(),
        unofficial_because=(f"copied from the table {source}: its logs were not seen",),
        engine={"name": copied("framework"), "version": unknown("the table does not tell it apart")},
        model={"name": copied("Model")},
        system={
            "name": copied("SystemName"),
            "platform": copied("Platform"),
            "organization": copied("Organization"),
            "division": copied("Division"),
            "host_processor_model_name": copied("host_processor_model_name"),
            "sockets": number_in(row, "host_processors_per_node", where, source),
            "cores": number_in(row, "host_processor_core_count", where, source),
        },
        values={
            _UNITS[unit]: number_in(row, "Result", where, source),
            _ACCURACY.get(row["MlperfModel"], "accuracy"): number_in(row, "Accuracy", where, source),
        },
        logs={},
        warnings=(),
    )
