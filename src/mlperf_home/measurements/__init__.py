"""Measurements: what a valid run says, value by value, with its origin."""

from mlperf_home.contracts.session import IngestError
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Measurement, MeasurementError, Value, from_json, to_json, unknown
from mlperf_home.measurements.table import summary_rows

__all__ = [
    "IngestError",
    "Measurement",
    "MeasurementError",
    "Value",
    "from_json",
    "ingest",
    "summary_rows",
    "to_json",
    "unknown",
]
