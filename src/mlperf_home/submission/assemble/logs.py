"""A result's logs, as a submission has them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.accuracy_text import AccuracyTextError, read_accuracy_text
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.submission.assemble.collect import AssembleError
from mlperf_home.submission.tree.originals import file_sha256, is_truncated, shortened

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.assemble.collect import FoundResult

_TEXT = "accuracy.txt"


def write_logs(result: FoundResult, folder: Path, rules: Round, *, truncate: bool) -> None:
    """Copy a result's logs to `folder`, its accuracy log truncated on the way; the originals stay as they are.

    What a run did not leave is not there either: the check says so.

    Raises:
        AssembleError: the accuracy log is not the one that the accuracy was computed from.
    """
    names = rules.submission.files
    if result.performance.is_dir():
        target = folder / "performance" / rules.submission.folders.run
        target.mkdir(parents=True, exist_ok=True)
        for name in names.performance:
            _copy(result.performance / name, target / name)
    if result.accuracy.is_dir():
        target = folder / "accuracy"
        target.mkdir(parents=True, exist_ok=True)
        for name in names.accuracy:
            if name not in {ACCURACY_FILE, _TEXT}:
                _copy(result.accuracy / name, target / name)
        _copy_accuracy(result.accuracy, target, rules, truncate=truncate)


def _copy_accuracy(source: Path, target: Path, rules: Round, *, truncate: bool) -> None:
    log, text = source / ACCURACY_FILE, source / _TEXT
    limits = rules.submission.limits
    recorded = _recorded(text)
    sha256 = file_sha256(log) if log.is_file() and not is_truncated(log) else None
    if recorded is not None and sha256 not in {None, recorded}:
        problem = f"is not the log whose hash {_TEXT} has: it is of another run, or was cut"
        raise AssembleError(log, problem, "put the whole log back, or compute the accuracy again")
    if log.is_file():
        if truncate and log.stat().st_size >= limits.accuracy_log_bytes:
            _fresh(target / ACCURACY_FILE).write_bytes(shortened(log))
        else:
            _copy(log, target / ACCURACY_FILE)
    if not text.is_file():
        return
    said = text.read_bytes()
    # The hash of a log that was truncated before can only be the one that is recorded.
    if recorded is None and sha256 is not None:
        said = said.rstrip() + f"\nhash={sha256}\n".encode()
    _fresh(target / _TEXT).write_bytes(said)


def _recorded(text: Path) -> str | None:
    try:
        return read_accuracy_text(text).log_sha256
    except AccuracyTextError:
        # Written as it is: the check says what is wrong with it.
        return None


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, _fresh(target))


def _fresh(path: Path) -> Path:
    """Take away what is there: it may be a link to a file of the tree that is being added to."""
    path.unlink(missing_ok=True)
    return path
