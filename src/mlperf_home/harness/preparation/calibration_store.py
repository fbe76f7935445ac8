"""Measured grids, kept for later runs of the same model by the same engine on the same cores."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.calibration import Calibration
from mlperf_home.engines.cores import usable_cores
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.contracts.job import Job
    from mlperf_home.engines.calibration import Candidates

_SCHEMA = 1

CalibrationKey = dict[str, Any]
"""What a measurement holds for: model, engine, version, options, cores, processor, candidates; JSON values."""


def make_key(job: Job, candidates: Candidates, model_sha256: str | None) -> CalibrationKey:
    """Say what a calibration of this job would hold for."""
    key = {
        "model_sha256": model_sha256,
        "backend": job.backend.name,
        "backend_version": _package_version(job.backend.name),
        "options": dict(job.backend.options),
        "cores": usable_cores(job.backend.cores),
        "processor": _processor(),
        "candidates": asdict(candidates),
    }
    # As JSON gives it back: tuples are lists there.
    restored: CalibrationKey = json.loads(json.dumps(key))
    return restored


def find_stored(path: Path | None, key: CalibrationKey) -> Calibration | None:
    """Give the stored calibration of that key; None without one, or where the file is not ours."""
    if path is None or key["model_sha256"] is None:
        return None
    for entry in _entries(path):
        if entry.get("key") == key:
            try:
                return Calibration.from_json(entry["calibration"])
            except (BackendError, KeyError):
                return None
    return None


def store(path: Path, key: CalibrationKey, calibration: Calibration) -> None:
    """Add a calibration to the file, in place of an older one of the same key.

    Raises:
        HarnessError: the file cannot be written.
    """
    kept = [entry for entry in _entries(path) if entry.get("key") != key]
    document = {"schema": _SCHEMA, "entries": [*kept, {"key": key, "calibration": calibration.to_json()}]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise HarnessError(
            ExitStatus.BAD_OUTPUT, f"{path}: calibration_path cannot be written ({error.strerror}); name another"
        ) from None


def _entries(path: Path) -> list[dict[str, Any]]:
    # A file that is absent or broken only costs a measurement: it is written anew.
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    entries = document.get("entries") if isinstance(document, dict) and document.get("schema") == _SCHEMA else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _package_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """Name the processor; None where the kernel does not tell (Arm)."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
