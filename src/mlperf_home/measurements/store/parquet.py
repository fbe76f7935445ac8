"""Export of measurements to Parquet, one row each; needs the extra `parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.store.index import COLUMNS, GROUPS
from mlperf_home.measurements.store.lines import StoreError
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement


def export_parquet(measurements: Iterable[Measurement], path: Path) -> int:
    """Write measurements; values are columns such as "values.latency_ms", with "values.latency_ms.origin" beside.

    A column with texts and numbers is written as text. The file is whole or absent.

    Raises:
        StoreError: pyarrow is not installed, there is nothing to write, or the file cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StoreError("Parquet", f"pyarrow is not usable ({error})", "pip install 'mlperf-home[parquet]'") from None
    rows = [_row(each) for each in measurements]
    if not rows:
        raise StoreError(path, "there is no measurement to export", "import some, or ask for others")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array(_alike([row.get(name) for row in rows])) for name in names}
    try:
        with replacement(path) as file:
            parquet.write_table(pa.table(columns), file)
    except OSError as error:
        advice = "give a file in a folder that is there and yours"
        raise StoreError(path, f"cannot be written ({error.strerror})", advice) from None
    return len(rows)


def _row(measurement: Measurement) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(measurement, name) for name in COLUMNS}
    for group in GROUPS:
        for name, value in getattr(measurement, group).items():
            row[f"{group}.{name}"] = value.value
            row[f"{group}.{name}.origin"] = value.origin
    return row


def _alike(values: list[Any]) -> list[Any]:
    if any(isinstance(value, str) for value in values):
        return [None if value is None else str(value) for value in values]
    return [value if value is None or isinstance(value, bool) else float(value) for value in values]
