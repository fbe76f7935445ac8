"""The documents that have a published JSON Schema, by the schema's name."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.contracts.failures import Failure
from mlperf_home.contracts.grids import CalibrationStore
from mlperf_home.contracts.job import Job
from mlperf_home.contracts.session import Session

DOCUMENTS: dict[str, type] = {
    "calibrations": CalibrationStore,
    "failure": Failure,
    "job": Job,
    "session": Session,
}


def schema_path(name: str) -> Path:
    """Return the path of a document's schema."""
    return Path(__file__).parent / "schemas" / f"{name}.schema.json"
