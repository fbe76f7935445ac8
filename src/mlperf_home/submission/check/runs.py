"""What every LoadGen run of a submission must show; and the accuracy run: whole, of this dataset and this set-up?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.session import sha256_of
from mlperf_home.loadgen_logs.accuracy_log import AccuracyText, is_truncated, known_accuracy
from mlperf_home.loadgen_logs.run_log import (
    ACCURACY_FILE,
    DETAIL_FILE,
    SUMMARY_FILE,
    DetailLog,
    has_end,
    scan_detail,
    summary_is_whole,
)
from mlperf_home.loadgen_logs.verdict import explain_errors
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT
from mlperf_home.submission.check.places import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Seeds
    from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding

RERUN = "run the benchmark again"
# The summary's lines with the keys of the detail log that say the same.
_SAID_TWICE = (
    ("Scenario", "effective_scenario"),
    ("Mode", "effective_test_mode"),
    ("Result is", "result_validity"),
    ("Samples per second", "result_samples_per_second"),
    ("Mean latency (ns)", "result_mean_latency_ns"),
    ("min_duration (ms)", "effective_min_duration_ms"),
    *((name, f"effective_{name}") for name in ("samples_per_query", "min_query_count", "qsl_rng_seed")),
    ("performance_sample_count", "effective_performance_sample_count"),
)
# What only an audit.config sets; each is 0 or false in a run without one.
_AUDIT_SETTINGS = (
    *("accuracy_log_rng_seed", "accuracy_log_probability", "accuracy_log_sampling_target"),
    *("performance_issue_unique", "performance_issue_same", "performance_issue_same_index"),
)
_ALL_PERCENT = 100
# accuracy.txt has three digits after the point.
_LAST_DIGIT = 0.001
_RESCORE = "compute the accuracy again from the whole log"
# What two runs of one set-up have in common.
_SAME_SETUP = (
    *("loadgen_version", "qsl_reported_total_count", "qsl_reported_performance_count", "sut_name"),
    "effective_scenario",
)


def check_run(scope: CheckScope, folder: Path, detail: DetailLog, mode: str, seeds: Seeds) -> Iterator[Finding]:
    """Check what both modes share: their files, whole logs, no errors, the mode, the seeds, no audit.

    `mode` is LoadGen's name of the mode that belongs here.
    """
    yield from _file_list(scope, folder, mode)
    path, settings = folder / DETAIL_FILE, detail.settings
    if not path.is_file():
        return
    yield from _whole(scope, path, detail)
    if detail.errors:
        said = explain_errors(str(settings.get("scenario")), detail.errors, detail.values)
        yield scope.finding(path, "log-errors", said, RERUN)
    elif (counted := detail.logged.get("num_errors", 0)) != 0:
        yield scope.finding(path, "log-errors", f"counts {counted} errors and tells none", RERUN)
    if settings.get("test_mode", mode) != mode:
        problem = f"is the log of a run in mode {settings['test_mode']}, not {mode}"
        yield scope.finding(path, "log-mode", problem, "put the right run here")
    for name, wanted in vars(seeds).items():
        if settings.get(name, wanted) != wanted:
            problem = f"{name} is {settings[name]}, {scope.rules.name} wants {wanted}"
            yield scope.finding(path, "seed", problem, f"run again with the rules of {scope.rules.name}")
    for name in list(filter(settings.get, _AUDIT_SETTINGS))[:1]:
        problem = f"was made under an audit.config: {name} is {settings[name]}"
        yield scope.finding(path, "audit-config", problem, "remove the stray audit.config and run again")
    yield from _summary(scope, folder / SUMMARY_FILE, detail)


def _file_list(scope: CheckScope, folder: Path, mode: str) -> Iterator[Finding]:
    names = scope.rules.submission.files
    accuracy = mode == "AccuracyOnly"
    needed = names.accuracy if accuracy else names.performance
    allowed = names.accuracy_optional if accuracy else names.performance_optional
    for name in needed:
        if not (folder / name).is_file():
            yield scope.finding(folder / name, "log-missing", "is missing", RERUN)
    for name in sorted(files(folder) - {*needed, *allowed}):
        yield scope.finding(folder / name, "file-list", "may not stand among the logs", "move it out")


def _whole(scope: CheckScope, path: Path, detail: DetailLog) -> Iterator[Finding]:
    if detail.fault is not None:
        yield scope.finding(path, "log-corrupt", f"{detail.fault.problem} ({detail.fault.where})", RERUN)
    elif detail.missing:
        problem = f"the run was interrupted: {', '.join(detail.missing)} not logged"
        yield scope.finding(path, "run-interrupted", problem, RERUN)
    else:
        yield from check_utf_8(scope, path, RERUN)
    if detail.repeated:
        problem = f"says {detail.repeated[0]} more than once: it is a log of two runs"
        yield scope.finding(path, "log-twice", problem, "put the log of one run here")


def check_utf_8(scope: CheckScope, path: Path, remedy: str) -> Iterator[Finding]:
    """Check that a text can be read as one: the official checker breaks off at bytes that are not UTF-8."""
    try:
        path.read_text("utf-8")
    except UnicodeDecodeError as error:
        yield scope.finding(path, "not-utf-8", f"byte {error.start} is not UTF-8", remedy)


def _summary(scope: CheckScope, path: Path, detail: DetailLog) -> Iterator[Finding]:
    if not path.is_file():
        return
    text = path.read_text("utf-8", errors="replace")
    if not summary_is_whole(text):
        yield scope.finding(path, "summary-cut", "the last line is missing: the run was interrupted", RERUN)
    for label, key in _SAID_TWICE:
        found = re.search(rf"^{re.escape(label)}\s*:\s*(\S+)\s*$", text, re.MULTILINE)
        if found and key in detail.logged and not _same(found.group(1), detail.logged[key]):
            problem = f"says {label} {found.group(1)}, {DETAIL_FILE} says {detail.logged[key]}"
            remedy = "put both logs of one run here"
            yield scope.finding(path, "logs-mixed", f"{problem}: they are of different runs", remedy)
            return


def _same(text: str, value: Any) -> bool:
    try:
        # The summary has six digits.
        return abs(float(text) - float(value)) <= 1e-5 * abs(float(value))
    except (TypeError, ValueError):
        return text == str(value)


def check_accuracy(result: CheckedResult) -> Iterator[Finding]:
    """Check the accuracy run of a result against the rules and against its performance run."""
    folder = result.place.results / ACCURACY_DIR
    if not folder.is_dir():
        remedy = "run it: _accuracy-only, with the same options"
        yield result.finding(folder, "accuracy-missing", "there is no accuracy run", remedy)
        return
    detail = scan_detail(folder / DETAIL_FILE)
    yield from check_run(result, folder, detail, "AccuracyOnly", result.rules.seeds)
    for key in _SAME_SETUP:
        one, other = detail.logged.get(key), result.detail.logged.get(key)
        if one is not None and other is not None and one != other:
            name = key.removeprefix("effective_")
            problem = f"{name} is {one}, in the performance run {other}: they are not of one set-up"
            yield result.finding(folder / DETAIL_FILE, "runs-differ", problem, "run both again with the same options")
    found, wanted = detail.settings.get("accuracy_sample_count"), result.benchmark.dataset_sample_count
    if found is not None and found != wanted:
        problem = f"accuracy was measured on {found} samples, the dataset has {wanted}"
        remedy = "run again on the whole dataset"
        yield result.finding(folder / DETAIL_FILE, "accuracy-samples", problem, remedy, note=result.tolerant)
    text = known_accuracy(folder / ACCURACY_TEXT)
    if (folder / ACCURACY_TEXT).is_file():
        yield from _accuracy_text(result, folder / ACCURACY_TEXT, text, detail)
    if (folder / ACCURACY_FILE).is_file():
        yield from _accuracy_log(result, folder / ACCURACY_FILE, text.log_sha256 if text else None)


def _accuracy_text(
    result: CheckedResult, path: Path, text: AccuracyText | None, detail: DetailLog
) -> Iterator[Finding]:
    yield from check_utf_8(result, path, _RESCORE)
    if text is None:
        yield result.finding(path, "accuracy-unreadable", "holds no accuracy in an official form", _RESCORE)
        return
    if text.log_sha256 is None:
        problem = "has no line hash=<SHA-256> of the accuracy log, without blanks"
        yield result.finding(path, "accuracy-hash", problem, "truncate the accuracy logs")
    if text.count > 1:
        yield result.finding(path, "accuracy-twice", f"says {text.count} accuracies", "keep the line of this run")
    if set(text.values) != set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric]):
        problem = f"has the form of another benchmark ({', '.join(text.values)})"
        yield result.finding(path, "accuracy-form", problem, _RESCORE)
        return
    yield from _values(result, path, text, detail)
    applies, threshold = result.division, result.benchmark.accuracy_threshold
    if applies and applies.accuracy_threshold_applies and text.percent < threshold:
        problem = f"{text.percent:g} is below {threshold:g}, which the closed division wants"
        yield result.finding(path, "accuracy-threshold", problem, "submit to the open division")


def _values(result: CheckedResult, path: Path, text: AccuracyText, detail: DetailLog) -> Iterator[Finding]:
    for name, value in text.values.items():
        if name.endswith("_percent") and not 0 <= value <= _ALL_PERCENT:
            yield result.finding(path, "accuracy-range", f"{name} is {value:g}", _RESCORE)
    good, total = text.values.get("good_samples"), text.values.get("total_samples")
    if good is None or total is None:
        return
    share = _ALL_PERCENT * good / total if total else 0.0
    if abs(share - text.values["top1_percent"]) > _LAST_DIGIT:
        problem = f"says {text.values['top1_percent']:g} %, but {good:g} of {total:g} are {share:.3f} %"
        yield result.finding(path, "accuracy-sum", problem, _RESCORE)
    asked = detail.settings.get("accuracy_sample_count")
    if asked is not None and asked != total:
        problem = f"counts {total:g} samples, the run had {asked}"
        yield result.finding(path, "accuracy-of-another-run", problem, _RESCORE)


def _accuracy_log(result: CheckedResult, path: Path, kept_hash: str | None) -> Iterator[Finding]:
    size, limit = path.stat().st_size, result.rules.submission.limits.accuracy_log_bytes
    if size > limit:
        problem = f"has {size} bytes, above {limit}"
        yield result.finding(path, "log-not-truncated", problem, "truncate the accuracy logs")
        return
    if not has_end(path):
        yield result.finding(path, "accuracy-log-cut", "has no end: the run was interrupted", RERUN)
    if not is_truncated(path) and kept_hash not in {None, sha256_of(path)}:
        yield result.finding(path, "accuracy-log-hash", f"is not the log whose hash {ACCURACY_TEXT} has", _RESCORE)
