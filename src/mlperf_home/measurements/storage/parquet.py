"""Export of measurements to Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.measurement import GROUPS
from mlperf_home.measurements.storage.index import COLUMNS
from mlperf_home.measurements.storage.store import StoreError
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement


def export_parquet(measurements: Iterable[Measurement], path: Path) -> int:
    """Write measurements to Parquet, one row each.

    Each value has a column such as "values.latency_ms", and a column for its origin, "values.latency_ms.origin". A
    column with both texts and numbers is written as text. The file is complete or absent.

    Returns:
        The number of measurements.

    Raises:
        StoreError: pyarrow is not installed, there are no measurements, or the file cannot be written.
    """
    _pyarrow()
    measured = list(measurements)
    if not measured:
        raise StoreError(path, "there is no measurement to export", "import some, or select others")
    try:
        write_columns(_columns(measured), path)
    except OSError as error:
        advice = "name a file in an existing folder that you can write to"
        raise StoreError(path, f"cannot be written ({error.strerror})", advice) from None
    return len(measured)


def write_columns(columns: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Write columns of one type each to Parquet, whole or not at all.

    Raises:
        StoreError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    pa, parquet = _pyarrow()
    with replacement(path) as file:
        parquet.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), file)


def _pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its module for Parquet. Raise StoreError if it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StoreError("Parquet", f"pyarrow is not usable ({error})", "pip install 'mlperf-home[parquet]'") from None
    return pa, parquet


def _columns(measurements: Sequence[Measurement]) -> dict[str, list[Any]]:
    rows = []
    for measurement in measurements:
        row = {name: getattr(measurement, name) for name in COLUMNS}
        for group in GROUPS:
            for name, value in getattr(measurement, group).items():
                row |= {f"{group}.{name}": value.value, f"{group}.{name}.origin": value.origin}
        rows.append(row)
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            columns[name] = [None if value is None else str(value) for value in values]
        else:
            columns[name] = [value if value is None or isinstance(value, bool) else float(value) for value in values]
    return columns
