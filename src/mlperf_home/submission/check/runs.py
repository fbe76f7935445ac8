"""Checks that all LoadGen runs share, and checks of the accuracy run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.loadgen_logs.accuracy_log import AccuracyText, is_truncated
from mlperf_home.loadgen_logs.figures import IN_SUMMARY, absent_figures, contradictions
from mlperf_home.loadgen_logs.run_log import (
    ACCURACY_FILE,
    DETAIL_FILE,
    SUMMARY_FILE,
    DetailLog,
    has_end,
    summary_is_whole,
)
from mlperf_home.loadgen_logs.verdict import explain_errors
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT
from mlperf_home.submission.check.places import POWER_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Seeds
    from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding

RERUN = "run the benchmark again"
_ACCURACY = "AccuracyOnly"
# Only an audit.config sets these; each is 0 or false in a run without one.
_AUDIT_SETTINGS = (
    *("accuracy_log_rng_seed", "accuracy_log_probability", "accuracy_log_sampling_target"),
    *("performance_issue_unique", "performance_issue_same", "performance_issue_same_index"),
)
_ALL_PERCENT = 100
# accuracy.txt has three digits after the point.
_LAST_DIGIT = 0.001
_RESCORE = "compute the accuracy again from the complete log"
# Values that two runs of one set-up share.
_SAME_SETUP = (
    *("loadgen_version", "qsl_reported_total_count", "qsl_reported_performance_count", "sut_name"),
    "effective_scenario",
)


def check_run(scope: CheckScope, folder: Path, detail: DetailLog, mode: str, seeds: Seeds) -> Iterator[Finding]:
    """Check files, logs, errors, mode, seeds and audit settings of a run; `mode` is LoadGen's name of its mode."""
    yield from _check_file_list(scope, folder, mode)
    path, settings = folder / DETAIL_FILE, detail.settings
    # The checkers read less of an accuracy run; a round may note what they leave out.
    part = "accuracy-" if mode == _ACCURACY else ""
    if not scope.contents.is_file(path):
        return
    yield from _check_complete(scope, path, detail)
    if detail.errors:
        problem = explain_errors(str(settings.get("scenario")), detail.errors, detail.values)
        yield scope.finding(path, "log-errors", problem, RERUN)
    elif (count := detail.logged.get("num_errors", 0)) != 0:
        yield scope.finding(path, "log-errors", f"counts {count} errors, but logs none", RERUN)
    if settings.get("test_mode", mode) != mode:
        problem = f"is the log of a run in mode {settings['test_mode']}, not {mode}"
        remedy = f"put the log of a run in mode {mode} here"
        yield scope.finding(path, "log-mode", problem, remedy, noted_as=f"{part}log-mode")
    for name, seed in vars(seeds).items():
        if settings.get(name, seed) != seed:
            problem = f"{name} is {settings[name]}, {scope.rules.name} requires {seed}"
            remedy = f"run again with the rules of {scope.rules.name}"
            yield scope.finding(path, "seed", problem, remedy, noted_as=f"{part}seed")
    for name in list(filter(settings.get, _AUDIT_SETTINGS))[:1]:
        problem = f"is of a run under an audit.config: {name} is {settings[name]}"
        yield scope.finding(path, "audit-config", problem, "remove the stray audit.config and run again")
    yield from _check_summary(scope, folder / SUMMARY_FILE, detail)


def _check_file_list(scope: CheckScope, folder: Path, mode: str) -> Iterator[Finding]:
    names = scope.rules.submission.files
    accuracy = mode == _ACCURACY
    needed = names.accuracy if accuracy else names.performance
    if not accuracy and scope.contents.is_dir(folder.parent / POWER_DIR):
        needed = (*needed, *names.power_run)
    allowed = names.accuracy_optional if accuracy else names.performance_optional
    present = scope.contents.files(folder)
    for name in sorted({*needed} - present):
        yield scope.finding(folder / name, "log-missing", "is missing", RERUN)
    for name in sorted(scope.contents.folder(folder).keys() - {*needed, *allowed}):
        yield scope.finding(folder / name, "file-list", "is not allowed among the logs", "move it out")


def _check_complete(scope: CheckScope, path: Path, detail: DetailLog) -> Iterator[Finding]:
    if detail.fault is not None:
        yield scope.finding(path, "log-corrupt", f"{detail.fault.problem} ({detail.fault.where})", RERUN)
    elif detail.missing:
        problem = f"the run was interrupted: {', '.join(detail.missing)} not logged"
        yield scope.finding(path, "run-interrupted", problem, RERUN)
    else:
        yield from _foreign_bytes(scope, path, scope.contents.detail(path).not_utf_8, RERUN)
    if detail.repeated:
        problem = f"has {detail.repeated[0]} more than once: it is a log of two runs"
        yield scope.finding(path, "log-twice", problem, "put the log of one run here")


def check_utf_8(scope: CheckScope, path: Path, remedy: str) -> Iterator[Finding]:
    """Check that a text is UTF-8; the official checker stops at other bytes."""
    file = scope.contents.text(path)
    yield from _foreign_bytes(scope, path, file.not_utf_8 if file else None, remedy)


def _foreign_bytes(scope: CheckScope, path: Path, start: int | None, remedy: str) -> Iterator[Finding]:
    if start is not None:
        yield scope.finding(path, "not-utf-8", f"byte {start} is not UTF-8", remedy)


def _check_summary(scope: CheckScope, path: Path, detail: DetailLog) -> Iterator[Finding]:
    file = scope.contents.text(path)
    if file is None:
        return
    text = file.text
    if not summary_is_whole(text):
        yield scope.finding(path, "summary-cut", "the last line is missing: the run was interrupted", RERUN)
    remedy = "put both logs of one run here, as LoadGen wrote them"
    for each in contradictions(detail.logged, text):
        if each.where == IN_SUMMARY:
            problem = f"has {each.key} {each.value}, {DETAIL_FILE} has {each.logged}: they are of different runs"
            yield scope.finding(path, "logs-mixed", problem, remedy)
        else:
            problem = f"has {each.key} {each.logged}, but {each.where} is {each.value}: one of them was changed"
            yield scope.finding(path.with_name(DETAIL_FILE), "figures-differ", problem, remedy)
    if absent := absent_figures(detail.logged, text):
        problem = f"lacks figures of {DETAIL_FILE}: {', '.join(absent)}"
        yield scope.finding(path, "summary-cut", problem, remedy)


def check_accuracy(result: CheckedResult) -> Iterator[Finding]:
    """Check the accuracy run of a result, also against its performance run."""
    folder = result.place.results / ACCURACY_DIR
    if not result.contents.is_dir(folder):
        remedy = "run it: _accuracy-only, with the same options"
        yield result.finding(folder, "accuracy-missing", "there is no accuracy run", remedy)
        return
    detail = result.contents.detail(folder / DETAIL_FILE).detail
    yield from check_run(result, folder, detail, _ACCURACY, result.rules.seeds)
    for key in _SAME_SETUP:
        value, expected = detail.logged.get(key), result.detail.logged.get(key)
        if value is not None and expected is not None and value != expected:
            name = key.removeprefix("effective_")
            problem = f"{name} is {value}, in the performance run {expected}: their set-ups differ"
            yield result.finding(folder / DETAIL_FILE, "runs-differ", problem, "run both again with the same options")
    yield from _check_sample_count(result, folder / DETAIL_FILE, detail)
    text, present = result.contents.accuracy(folder / ACCURACY_TEXT), result.contents.files(folder)
    if ACCURACY_TEXT in present:
        yield from _check_accuracy_text(result, folder / ACCURACY_TEXT, text, detail)
    if ACCURACY_FILE in present:
        yield from _check_accuracy_log(result, folder / ACCURACY_FILE, text.log_sha256 if text else None)


def _check_sample_count(result: CheckedResult, path: Path, detail: DetailLog) -> Iterator[Finding]:
    """Compare the run's count with that of its own dataset, and its dataset's with that of the round."""
    unit, total = result.benchmark.sample_unit, result.benchmark.dataset_sample_count
    # LoadGen before 6.0.6 writes the QSL's count only.
    dataset = detail.logged.get("qsl_reported_total_count", detail.settings.get("accuracy_sample_count"))
    count = detail.settings.get("accuracy_sample_count", dataset)
    problem, remedy = "", ""
    if count != dataset:
        problem, remedy = f"accuracy was measured on {count} of {dataset} {unit}", "run again on the whole dataset"
    elif count is not None and count != total:
        problem = f"the run's dataset has {count} {unit}, that of {result.rules.name} has {total}"
        remedy = "run again on the official dataset"
    if problem:
        yield result.finding(path, "accuracy-samples", problem, remedy, note=result.tolerant)


def _check_accuracy_text(
    result: CheckedResult, path: Path, text: AccuracyText | None, detail: DetailLog
) -> Iterator[Finding]:
    yield from check_utf_8(result, path, _RESCORE)
    if text is None:
        yield result.finding(path, "accuracy-unreadable", "holds no accuracy in an official form", _RESCORE)
        return
    if text.log_sha256 is None:
        problem = "has no line hash=<SHA-256> without spaces, for the accuracy log"
        yield result.finding(path, "accuracy-hash", problem, "truncate the accuracy logs")
    if text.count > 1:
        yield result.finding(path, "accuracy-twice", f"has {text.count} accuracies", "keep the line of this run")
    if set(text.values) != set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric]):
        problem = f"has the form of another benchmark ({', '.join(text.values)})"
        yield result.finding(path, "accuracy-form", problem, _RESCORE)
        return
    yield from _check_values(result, path, text, detail)
    division, threshold = result.division, result.benchmark.accuracy_threshold
    if division and division.accuracy_threshold_applies and text.percent < threshold:
        problem = f"{text.percent:g} is below {threshold:g}, the threshold of the closed division"
        yield result.finding(path, "accuracy-threshold", problem, "submit to the open division")


def _check_values(result: CheckedResult, path: Path, text: AccuracyText, detail: DetailLog) -> Iterator[Finding]:
    for name, value in text.values.items():
        if name.endswith("_percent") and not 0 <= value <= _ALL_PERCENT:
            yield result.finding(path, "accuracy-range", f"{name} is {value:g}", _RESCORE)
    good, total = text.values.get("good_samples"), text.values.get("total_samples")
    if good is None or total is None:
        return
    share = _ALL_PERCENT * good / total if total else 0.0
    if abs(share - text.values["top1_percent"]) > _LAST_DIGIT:
        problem = f"has {text.values['top1_percent']:g} %, but {good:g} of {total:g} are {share:.3f} %"
        yield result.finding(path, "accuracy-sum", problem, _RESCORE)
    count = detail.settings.get("accuracy_sample_count")
    if count is not None and count != total:
        problem = f"counts {total:g} samples, the run had {count}"
        yield result.finding(path, "accuracy-of-another-run", problem, _RESCORE)


def check_log_size(result: CheckedResult, path: Path) -> Iterator[Finding]:
    """Check that an accuracy log, if it is there, is truncated."""
    limit = result.rules.submission.limits.accuracy_log_bytes
    if result.contents.is_file(path) and (size := path.stat().st_size) > limit:
        problem = f"has {size} bytes, above {limit}"
        yield result.finding(path, "log-not-truncated", problem, "truncate the accuracy logs")


def _check_accuracy_log(result: CheckedResult, path: Path, kept_hash: str | None) -> Iterator[Finding]:
    if too_large := list(check_log_size(result, path)):
        yield from too_large
        return
    if not has_end(path):
        yield result.finding(path, "accuracy-log-cut", "has no end: the run was interrupted", RERUN)
    if not is_truncated(path) and kept_hash not in {None, sha256_of(path)}:
        yield result.finding(path, "accuracy-log-hash", f"does not have the hash in {ACCURACY_TEXT}", _RESCORE)
