"""The logs of a result in a submission, and those of its compliance tests with their verdicts.

The verdicts follow compliance/nvidia of mlcommons/inference, in the words that the round's checker expects: a test's
score lies within 10 % of the performance run's (20 % for latencies up to 0.2 ms a sample), and the outputs that TEST01
logs equal those of the accuracy run.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import IngestError, check_same_setup, read_session, sha256_of
from mlperf_home.loadgen_logs.accuracy_log import AccuracyError, AccuracyLog, is_truncated, kept_hash, shortened
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, scan_detail
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR, ResultFolder
from mlperf_home.submission.assemble.collect import AssembleError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.rules import Round
    from mlperf_home.submission.assemble.collect import FoundResult

_PASS, _FAIL = "TEST PASS", "TEST FAIL"
_MARGIN, _WIDE_MARGIN = 0.10, 0.20
_SHORT_NS = {"SingleStream": 200_000, "MultiStream": 1_600_000}
_SCORES = {
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
    "SingleStream": "early_stopping_latency_ss",
    "MultiStream": "early_stopping_latency_ms",
}


def write_logs(result: FoundResult, folder: Path, rules: Round, *, truncate: bool) -> None:
    """Copy a result's logs to `folder`, and truncate the copy of its accuracy log if `truncate` is true.

    Absent logs are left out; the check reports them.

    Raises:
        AssembleError: the accuracy was computed from another log.
    """
    names = rules.submission.files
    if result.performance.is_dir():
        _copy(names.performance, result.performance, folder / PERFORMANCE_DIR)
    if result.accuracy.is_dir():
        target = folder / ACCURACY_DIR
        _copy([name for name in names.accuracy if name not in {ACCURACY_FILE, ACCURACY_TEXT}], result.accuracy, target)
        log, text = result.accuracy / ACCURACY_FILE, result.accuracy / ACCURACY_TEXT
        recorded = kept_hash(text)
        sha256 = sha256_of(log) if log.is_file() and not is_truncated(log) else None
        if recorded is not None and sha256 not in {None, recorded}:
            problem = f"does not have the hash in {ACCURACY_TEXT}: it is of another run, or was changed"
            raise AssembleError(log, problem, "put the original log back, or compute the accuracy again")
        _copy([ACCURACY_TEXT], result.accuracy, target)
        _copy_log(log, target, rules, truncate=truncate)
        # A log that was truncated before has lost its original's hash, unless that is recorded.
        if recorded is None and sha256 is not None and text.is_file():
            (target / ACCURACY_TEXT).write_bytes(text.read_bytes().rstrip() + f"\nhash={sha256}\n".encode())


def _copy(names: Iterable[str], source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).is_file():
            # An existing file may be a hard link to a file of the old tree.
            (target / name).unlink(missing_ok=True)
            shutil.copyfile(source / name, target / name)


def _copy_log(log: Path, target: Path, rules: Round, *, truncate: bool) -> None:
    if truncate and log.is_file() and log.stat().st_size >= rules.submission.limits.accuracy_log_bytes:
        (target / ACCURACY_FILE).unlink(missing_ok=True)
        (target / ACCURACY_FILE).write_bytes(shortened(log))
    else:
        _copy([ACCURACY_FILE], log.parent, target)


def write_compliance(result: FoundResult, folder: Path, rules: Round, tests: tuple[str, ...]) -> None:
    """Write the tests that were run, with their verdicts; for those that were not the check speaks.

    Raises:
        AssembleError: a test was made with another model, dataset or engine than the performance run.
    """
    for test in tests:
        logs = result.folder / test
        log, target, required = logs / ACCURACY_FILE, folder / test, rules.submission.compliance[test]
        if not logs.is_dir():
            continue
        _require_same_setup(result, test)
        _copy(rules.submission.files.performance, logs, target / PERFORMANCE_DIR)
        for name in required.files:
            (target / name).write_text(performance_verdict(result.performance, logs), encoding="utf-8")
        if required.accuracy_verdict and log.is_file() and (result.accuracy / ACCURACY_FILE).is_file():
            (target / required.accuracy_verdict).write_text(outputs_verdict(result.accuracy, logs), encoding="utf-8")
            (target / ACCURACY_DIR).mkdir()
            _copy_log(log, target / ACCURACY_DIR, rules, truncate=True)
            (target / ACCURACY_DIR / ACCURACY_TEXT).write_text(f"hash={sha256_of(log)}\n", encoding="utf-8")


def _require_same_setup(result: FoundResult, test: str) -> None:
    """Refuse a test of another model, dataset or engine than the performance run's, as far as sessions tell.

    Raises:
        AssembleError: the two differ, or a session is damaged.
    """
    folder = ResultFolder(result.folder)
    performance, other = folder.session("performance"), folder.session(test)
    if not performance.is_file() or not other.is_file():
        return
    try:
        check_same_setup(read_session(performance), read_session(other), result.folder)
    except IngestError as error:
        raise AssembleError(error.where, error.problem, error.advice) from None


def performance_verdict(performance: Path, test: Path) -> str:
    """Return the verdict on a test's score against the performance run's; both are folders of logs."""
    runs = [scan_detail(folder / DETAIL_FILE) for folder in (performance, test)]
    scenarios = [str(run.settings.get("scenario")) for run in runs]
    if scenarios[0] != scenarios[1] or scenarios[0] not in _SCORES:
        return _text(f"scenarios = {scenarios[0]}, {scenarios[1]}", passed=False)
    values = (run.values.get(_SCORES[scenarios[0]]) for run in runs)
    reference, score = (float(value) if isinstance(value, (int, float)) else 0.0 for value in values)
    valid = all(run.values.get("result_validity") == "VALID" for run in runs)
    margin = _WIDE_MARGIN if reference <= _SHORT_NS.get(scenarios[0], 0) else _MARGIN
    close = reference * (1 - margin) < score < reference * (1 + margin)
    text = f"reference score = {reference}\ntest score = {score}"
    return _text(text if valid else f"{text}\none of the two runs is not VALID", passed=valid and close)


def outputs_verdict(accuracy: Path, test: Path) -> str:
    """Return the verdict on a test's logged outputs against the accuracy run's; both are folders of logs."""
    matched = differing = missing = 0
    try:
        known = dict(AccuracyLog(accuracy / ACCURACY_FILE))
        for qsl_idx, payload in AccuracyLog(test / ACCURACY_FILE):
            missing += qsl_idx not in known
            matched += known.get(qsl_idx) == payload
            differing += known.get(qsl_idx, payload) != payload
    except AccuracyError as error:
        return _text(str(error), passed=False)
    text = f"same outputs = {matched}\ndiffering outputs = {differing}\nmissing in the accuracy run = {missing}"
    return _text(text, passed=matched > 0 and not differing and not missing)


def _text(text: str, *, passed: bool) -> str:
    return f"{text}\n{_PASS if passed else _FAIL}\n"
