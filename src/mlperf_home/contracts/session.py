"""The JSON file that the harness writes for a complete run, and its agreement with the logs beside it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SCHEMA = 1
_BLOCK_BYTES = 1 << 20


class IngestError(LocatedError):
    """A result's folder is incomplete, or mixed from different runs: it is no measurement."""


def read_session(path: Path) -> dict[str, Any]:
    """Read a session.

    Raises:
        IngestError: absent, not JSON, of another version, or of a run that did not complete.
    """
    try:
        session = json.loads(path.read_text("utf-8"))
    except OSError as error:
        problem = f"cannot be read ({error.strerror}): the run was not completed"
        raise IngestError(path, problem, "run the benchmark again") from None
    except ValueError:
        raise IngestError(path, "is not JSON", "run the benchmark again") from None
    if not isinstance(session, dict) or session.get("schema") != _SCHEMA or session.get("status") != "complete":
        raise IngestError(path, "is not the session of a complete run", "run the benchmark again")
    return session


def check_logs(session: Mapping[str, Any], folder: Path, truncated_sha256: str | None = None) -> None:
    """Check that the logs in `folder` are those the session wrote.

    Args:
        session: the session.
        folder: the folder with the logs.
        truncated_sha256: the hash that accuracy.txt keeps of the log that was truncated for the submission.

    Raises:
        IngestError: a log is absent or another run's.
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
    """Check that both runs measured the same thing in the same way.

    Raises:
        IngestError: they differ; the text says in what.
    """
    for section, key in _SAME:
        one, other = performance[section].get(key), accuracy[section].get(key)
        if one != other:
            problem = f"the performance run and the accuracy run differ in {key} ({one!r}, {other!r})"
            raise IngestError(folder, problem, "run both again with the same options")
    if performance["sample"] != accuracy["sample"]:
        raise IngestError(folder, "one of the two runs is of sample data", "run both again with the same options")


_SAME = (
    ("job", "round"),
    ("job", "benchmark"),
    ("job", "scenario"),
    ("job", "backend"),
    ("model", "sha256"),
    ("engine", "version"),
    ("dataset", "name"),
    ("dataset", "count"),
    ("dataset", "identity"),
    ("dataset", "made"),
)
