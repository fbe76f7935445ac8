"""The compliance tests of a result, as the closed division has them in a tree."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.compliance import outputs_verdict, performance_verdict
from mlperf_home.submission.tree.originals import file_sha256, shortened

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.assemble.collect import FoundResult


def write_compliance(result: FoundResult, folder: Path, rules: Round, tests: tuple[str, ...]) -> None:
    """Write the tests that were run, with their verdicts; for those that were not the check speaks."""
    for test in tests:
        logs = result.folder / test
        if logs.is_dir():
            _write(result, logs, folder / test, rules)


def _write(result: FoundResult, logs: Path, folder: Path, rules: Round) -> None:
    wanted = rules.submission.compliance[folder.name]
    run = folder / "performance" / rules.submission.folders.run
    run.mkdir(parents=True)
    for name in rules.submission.files.performance:
        if (logs / name).is_file():
            shutil.copyfile(logs / name, run / name)
    for name in wanted.files:
        (folder / name).write_text(performance_verdict(result.performance, logs), encoding="utf-8")
    log, whole = logs / ACCURACY_FILE, result.accuracy / ACCURACY_FILE
    if not wanted.accuracy_verdict or not log.is_file() or not whole.is_file():
        return
    (folder / wanted.accuracy_verdict).write_text(outputs_verdict(result.accuracy, logs), encoding="utf-8")
    accuracy = folder / "accuracy"
    accuracy.mkdir()
    short = log.stat().st_size < rules.submission.limits.accuracy_log_bytes
    (accuracy / ACCURACY_FILE).write_bytes(log.read_bytes() if short else shortened(log))
    (accuracy / "accuracy.txt").write_text(f"hash={file_sha256(log)}\n", encoding="utf-8")
