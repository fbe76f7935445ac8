"""What every LoadGen run of a submission must show, whatever its mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, SUMMARY_FILE, DetailLog, summary_is_whole
from mlperf_home.loadgen_logs.verdict import explain_errors
from mlperf_home.submission.check.tree.places import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.rules.rounds import Seeds
    from mlperf_home.submission.check.tree.places import Finding, Frame

RERUN = "run the benchmark again"
# The summary's lines with the keys of the detail log that say the same.
_SAID_TWICE = (
    ("Scenario", "effective_scenario"),
    ("Mode", "effective_test_mode"),
    ("Result is", "result_validity"),
    ("Samples per second", "result_samples_per_second"),
    ("Mean latency (ns)", "result_mean_latency_ns"),
    ("samples_per_query", "effective_samples_per_query"),
    ("min_query_count", "effective_min_query_count"),
    ("min_duration (ms)", "effective_min_duration_ms"),
    ("qsl_rng_seed", "effective_qsl_rng_seed"),
    ("performance_sample_count", "effective_performance_sample_count"),
)
# What only an audit.config sets; each is 0 or false in a run without one.
_AUDIT_SETTINGS = (
    "accuracy_log_rng_seed",
    "accuracy_log_probability",
    "accuracy_log_sampling_target",
    "performance_issue_unique",
    "performance_issue_same",
    "performance_issue_same_index",
)


def check_file_list(frame: Frame, folder: Path, needed: tuple[str, ...], allowed: tuple[str, ...]) -> Iterator[Finding]:
    """Check that a log folder holds what it must, and nothing that it may not."""
    present = files(folder)
    for name in needed:
        if not (folder / name).is_file():
            yield frame.finding(folder / name, "log-missing", "is missing", RERUN)
    for name in sorted(present - {*needed, *allowed}):
        yield frame.finding(folder / name, "file-list", "may not stand among the logs", "move it out")


def check_run(frame: Frame, folder: Path, detail: DetailLog, mode: str, seeds: Seeds) -> Iterator[Finding]:
    """Check what both modes share: whole logs, no errors, the mode, the seeds, no audit.

    Args:
        frame: what the check goes by.
        folder: the folder with the logs.
        detail: its detail log.
        mode: LoadGen's name of the mode that belongs here.
        seeds: the seeds that belong here.
    """
    path = folder / DETAIL_FILE
    if not path.is_file():
        return
    yield from _whole(frame, path, detail)
    settings = detail.settings
    if detail.errors:
        said = explain_errors(str(settings.get("scenario")), detail.errors, detail.values)
        yield frame.finding(path, "log-errors", said, RERUN)
    elif (counted := detail.logged.get("num_errors", 0)) != 0:
        yield frame.finding(path, "log-errors", f"counts {counted} errors and tells none", RERUN)
    if settings.get("test_mode", mode) != mode:
        problem = f"is the log of a run in mode {settings['test_mode']}, not {mode}"
        yield frame.finding(path, "log-mode", problem, "put the right run here")
    for name, wanted in vars(seeds).items():
        if settings.get(name, wanted) != wanted:
            problem = f"{name} is {settings[name]}, {frame.rules.name} wants {wanted}"
            yield frame.finding(path, "seed", problem, f"run again with the rules of {frame.rules.name}")
    for name in list(filter(settings.get, _AUDIT_SETTINGS))[:1]:
        problem = f"was made under an audit.config: {name} is {settings[name]}"
        yield frame.finding(path, "audit-config", problem, "remove the stray audit.config and run again")
    yield from _summary(frame, folder / SUMMARY_FILE, detail.logged)


def _whole(frame: Frame, path: Path, detail: DetailLog) -> Iterator[Finding]:
    if detail.fault is not None:
        yield frame.finding(path, "log-corrupt", f"{detail.fault.problem} ({detail.fault.where})", RERUN)
    elif detail.missing:
        problem = f"the run was interrupted: {', '.join(detail.missing)} not logged"
        yield frame.finding(path, "run-interrupted", problem, RERUN)
    else:
        yield from check_utf_8(frame, path, RERUN)
    if detail.repeated:
        problem = f"says {detail.repeated[0]} more than once: it is a log of two runs"
        yield frame.finding(path, "log-twice", problem, "put the log of one run here")


def check_utf_8(frame: Frame, path: Path, remedy: str) -> Iterator[Finding]:
    """Check that a text can be read as one: the official checker breaks off at bytes that are not UTF-8."""
    try:
        path.read_text("utf-8")
    except UnicodeDecodeError as error:
        yield frame.finding(path, "not-utf-8", f"byte {error.start} is not UTF-8", remedy)


def _summary(frame: Frame, path: Path, logged: Mapping[str, Any]) -> Iterator[Finding]:
    if not path.is_file():
        return
    text = path.read_text("utf-8", errors="replace")
    if not summary_is_whole(text):
        yield frame.finding(path, "summary-cut", "the last line is missing: the run was interrupted", RERUN)
    for label, key in _SAID_TWICE:
        found = re.search(rf"^{re.escape(label)}\s*:\s*(\S+)\s*$", text, re.MULTILINE)
        if found and key in logged and not _same(found.group(1), logged[key]):
            problem = f"says {label} {found.group(1)}, {DETAIL_FILE} says {logged[key]}: they are of different runs"
            yield frame.finding(path, "logs-mixed", problem, "put both logs of one run here")
            return


def _same(text: str, value: Any) -> bool:
    try:
        # The summary has six digits.
        return abs(float(text) - float(value)) <= 1e-5 * abs(float(value))
    except (TypeError, ValueError):
        return text == str(value)
