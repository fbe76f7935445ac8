"""The JSON file that the harness writes for a complete run, and its agreement with the logs beside it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SESSION_SCHEMA = 1
_BLOCK_BYTES = 1 << 20
# Of a performance run and its accuracy run, these are the same.
_SAME: Mapping[str, tuple[str, ...]] = {
    "job": ("round", "benchmark", "scenario", "backend"),
    "model": ("sha256",),
    "engine": ("version",),
    "dataset": ("name", "count", "identity", "made"),
}


class IngestError(LocatedError):
    """A result's folder is incomplete, or mixed from different runs: it is no measurement."""


def read_session(path: Path) -> dict[str, Any]:
    """Read a session; raise IngestError if it is absent, not JSON, of another version, or of an incomplete run."""
    try:
        session = json.loads(path.read_text("utf-8"))
    except OSError as error:
        problem = f"cannot be read ({error.strerror}): the run was not completed"
        raise IngestError(path, problem, "run the benchmark again") from None
    except ValueError:
        raise IngestError(path, "is not JSON", "run the benchmark again") from None
    if not isinstance(session, dict) or session.get("schema") != SESSION_SCHEMA or session.get("status") != "complete":
        raise IngestError(path, "is not the session of a complete run", "run the benchmark again")
    return session


def check_logs(session: Mapping[str, Any], folder: Path, truncated_sha256: str | None = None) -> None:
    """Raise IngestError if one of the session's logs is absent from `folder`, or is another run's.

    `truncated_sha256` is the hash that accuracy.txt keeps of the log that was truncated for the submission.
    """
    for name, expected in session["logs"].items():
        path = folder / name
        try:
            found = sha256_of(path)
        except OSError as error:
            raise IngestError(path, f"cannot be read ({error.strerror})", "run the benchmark again") from None
        if expected["sha256"] not in (found, truncated_sha256 if name == "mlperf_log_accuracy.json" else found):
            problem = "is not the log that the session was written with: changed, or from another run"
            raise IngestError(path, problem, "run the benchmark again")


def sha256_of(path: Path) -> str:
    """Hash a file, block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_same_setup(performance: Mapping[str, Any], accuracy: Mapping[str, Any], folder: Path) -> None:
    """Raise IngestError, which says in what, if the two runs did not measure the same thing in the same way."""
    for section, key in ((section, key) for section, keys in _SAME.items() for key in keys):
        one, other = performance[section].get(key), accuracy[section].get(key)
        if one != other:
            problem = f"the performance run and the accuracy run differ in {key} ({one!r}, {other!r})"
            raise IngestError(folder, problem, "run both again with the same options")
    if performance["sample"] != accuracy["sample"]:
        raise IngestError(folder, "one of the two runs is of sample data", "run both again with the same options")
