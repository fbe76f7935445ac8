"""Our check reports the faults that the official checker rejects or stops at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from submission_results import closed_tree
from submission_tree import BERT, MOBILENET, RULES, SUT, log_line

from mlperf_home.submission.check.report import CheckOptions, check_submission

if TYPE_CHECKING:
    from pathlib import Path

OFFLINE = f"results/{SUT}/{BERT}/offline"
STREAM = f"results/{SUT}/{BERT}/singlestream"
INFERRED = f"results/{SUT}/{MOBILENET}/offline"
TEST01 = f"compliance/{SUT}/bert-99/offline/TEST01"


def log(run: Path, key: str, value: Any = ...) -> None:
    """Change or remove a value in a detail log; remove it from the summary."""
    path = run / "mlperf_log_detail.txt"
    kept = [line for line in path.read_text("utf-8").splitlines(keepends=True) if f'"key": "{key}"' not in line]
    path.write_text("".join(kept) + ("" if value is ... else log_line(key, value)), "utf-8")
    (run / "mlperf_log_summary.txt").write_text("No errors encountered during test.\n", "utf-8")


def rules(folder: Path, options: CheckOptions | None = None) -> set[str]:
    return {each.rule for each in check_submission(folder.parents[1], RULES, options).errors}


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    return closed_tree(tmp_path)


@pytest.mark.parametrize(
    ("place", "key", "value", "rule"),
    [
        (STREAM, "early_stopping_met", False, "early-stopping"),
        (STREAM, "early_stopping_met", ..., "early-stopping"),
        (INFERRED, "early_stopping_met", False, "early-stopping"),
        (INFERRED, "early_stopping_latency_ss", ..., "no-metric"),
        (OFFLINE, "num_errors", 2, "log-errors"),
        (OFFLINE, "effective_min_duration_ms", ..., "log-value"),
        (OFFLINE, "effective_min_duration_ms", "x", "log-value"),
        (OFFLINE, "effective_performance_sample_count", None, "log-value"),
        (OFFLINE, "effective_samples_per_query", "66000", "log-value"),
        (OFFLINE, "effective_min_query_count", 0, "min-query-count"),
        (STREAM, "result_query_count", "x", "log-value"),
        (OFFLINE, "result_validity", "x", "invalid-run"),
    ],
)
def test_faults_of_a_performance_log_are_errors(submitter: Path, place: str, key: str, value: Any, rule: str) -> None:
    log(submitter / place / "performance" / "run_1", key, value)

    assert rules(submitter) == {rule}


def test_a_short_run_without_early_stopping_has_a_note(submitter: Path) -> None:
    log(submitter / STREAM / "performance" / "run_1", "early_stopping_met", value=False)

    assert rules(submitter, CheckOptions(allow_short=True)) == set()


@pytest.mark.parametrize("text", ['{"exact_match": 83.58, "f1": 90.1.8}', '{"exact_match": 1, "f1": .}'])
def test_an_accuracy_must_be_a_number(submitter: Path, text: str) -> None:
    (submitter / OFFLINE / "accuracy" / "accuracy.txt").write_text(text, "utf-8")

    assert rules(submitter) == {"accuracy-unreadable"}


def test_an_accuracy_text_must_be_utf_8(submitter: Path) -> None:
    path = submitter / OFFLINE / "accuracy" / "accuracy.txt"
    path.write_bytes(path.read_bytes() + b"\xff\n")

    assert rules(submitter) == {"not-utf-8"}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (f"{OFFLINE}/accuracy/accuracy.txt", "log-missing"),
        (f"{OFFLINE}/accuracy/mlperf_log_accuracy.json", "log-missing"),
        (f"{OFFLINE}/accuracy/mlperf_log_detail.txt", "log-missing"),
        (f"{OFFLINE}/performance/run_1/mlperf_log_summary.txt", "log-missing"),
        (f"measurements/{SUT}/{BERT}/offline/README.md", "measurement-file"),
        (f"measurements/{SUT}/{BERT}/offline/user.conf", "measurement-file"),
        (f"measurements/{SUT}/{BERT}/offline/{SUT}.json", "result-json"),
    ],
)
def test_a_folder_instead_of_a_file_is_an_error(submitter: Path, path: str, rule: str) -> None:
    target = submitter / path
    target.unlink()
    target.mkdir()
    (target / "x").write_text("x", "utf-8")

    assert rule in rules(submitter)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("result_validity", "INVALID", "invalid-run"),
        ("effective_min_duration_ms", 60000, "min-duration"),
        ("effective_samples_per_query", 24, "offline-samples"),
        ("effective_performance_sample_count", 10, "performance-samples"),
        ("effective_scenario", "SingleStream", "log-scenario"),
        ("result_samples_per_second", ..., "no-metric"),
        ("num_errors", 1, "log-errors"),
    ],
)
def test_a_compliance_run_is_checked_like_a_performance_run(closed: Path, key: str, value: Any, rule: str) -> None:
    log(closed / TEST01 / "performance" / "run_1", key, value)

    assert rule in rules(closed)


def test_an_extra_file_in_a_compliance_test_is_an_error(closed: Path) -> None:
    (closed / TEST01 / "accuracy" / "notes.txt").write_text("x", "utf-8")

    assert rules(closed) == {"file-list"}


@pytest.mark.parametrize("name", ["verify_performance.txt", "verify_accuracy.txt"])
def test_a_verdict_must_be_utf_8(closed: Path, name: str) -> None:
    path = closed / TEST01 / name
    path.write_bytes(b"\xff\n" + path.read_bytes())

    assert rules(closed) == {"not-utf-8"}
