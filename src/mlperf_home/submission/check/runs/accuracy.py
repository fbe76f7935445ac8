"""The accuracy run of a result: is it whole, is it of this dataset and this set-up, and what does it say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.session import sha256_of
from mlperf_home.loadgen_logs.accuracy_log import is_truncated
from mlperf_home.loadgen_logs.accuracy_text import (
    AccuracyText,
    AccuracyTextError,
    kept_hash,
    read_accuracy_text,
)
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, DetailLog, has_end, scan_detail
from mlperf_home.measurements.ingest import ACCURACY_DIR, ACCURACY_TEXT
from mlperf_home.submission.check.runs.logs import RERUN, check_file_list, check_run, check_utf_8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.tree.places import Finding, Frame, ResultPlace

_PERCENT = "_percent"
_ALL_PERCENT = 100
# accuracy.txt has three digits after the point.
_LAST_DIGIT = 0.001
_RESCORE = "compute the accuracy again from the whole log"
# What two runs of one set-up have in common.
_SAME_SETUP = ("loadgen_version", "qsl_reported_total_count", "qsl_reported_performance_count", "sut_name")


def read_accuracy(place: ResultPlace) -> AccuracyText | None:
    """Read accuracy.txt; None where it says nothing."""
    try:
        return read_accuracy_text(place.results / ACCURACY_DIR / ACCURACY_TEXT)
    except AccuracyTextError:
        return None


def check_accuracy(
    frame: Frame, place: ResultPlace, benchmark: str, performance: DetailLog | None
) -> Iterator[Finding]:
    """Check the accuracy run of a result against the rules and against its performance run."""
    folder = place.results / ACCURACY_DIR
    if not folder.is_dir():
        remedy = "run it: _accuracy-only, with the same options"
        yield frame.finding(folder, "accuracy-missing", "there is no accuracy run", remedy)
        return
    names = frame.rules.submission.files
    yield from check_file_list(frame, folder, names.accuracy, names.accuracy_optional)
    detail = scan_detail(folder / DETAIL_FILE)
    yield from check_run(frame, folder, detail, "AccuracyOnly", frame.rules.seeds)
    if (folder / DETAIL_FILE).is_file():
        if performance is not None:
            yield from _setup(frame, folder / DETAIL_FILE, detail, performance)
        yield from _sample_count(frame, folder / DETAIL_FILE, detail, benchmark)
    if (folder / ACCURACY_TEXT).is_file():
        yield from _text(frame, place, benchmark, detail)
    if (folder / ACCURACY_FILE).is_file():
        yield from _log(frame, folder)


def _setup(frame: Frame, path: Path, accuracy: DetailLog, performance: DetailLog) -> Iterator[Finding]:
    pairs = [(key, accuracy.logged.get(key), performance.logged.get(key)) for key in _SAME_SETUP]
    pairs.append(("scenario", accuracy.settings.get("scenario"), performance.settings.get("scenario")))
    for key, one, other in pairs:
        if one is not None and other is not None and one != other:
            problem = f"{key} is {one}, in the performance run {other}: they are not of one set-up"
            yield frame.finding(path, "runs-differ", problem, "run both again with the same options")


def _sample_count(frame: Frame, path: Path, detail: DetailLog, benchmark: str) -> Iterator[Finding]:
    wanted = frame.rules.benchmarks[benchmark].dataset_sample_count
    found = detail.settings.get("accuracy_sample_count")
    if found is not None and found != wanted:
        problem = f"accuracy was measured on {found} samples, the dataset has {wanted}"
        yield frame.finding(path, "accuracy-samples", problem, "run again on the whole dataset", note=frame.tolerant)


def _text(frame: Frame, place: ResultPlace, benchmark: str, detail: DetailLog) -> Iterator[Finding]:
    path = place.results / ACCURACY_DIR / ACCURACY_TEXT
    yield from check_utf_8(frame, path, _RESCORE)
    text = read_accuracy(place)
    if text is None:
        yield frame.finding(path, "accuracy-unreadable", "holds no accuracy in an official form", _RESCORE)
        return
    if text.log_sha256 is None:
        problem = "has no line hash=<SHA-256> of the accuracy log, without blanks"
        yield frame.finding(path, "accuracy-hash", problem, "truncate the accuracy logs")
    if text.count > 1:
        yield frame.finding(path, "accuracy-twice", f"says {text.count} accuracies", "keep the line of this run")
    rules = frame.rules.benchmarks[benchmark]
    names = frame.rules.submission.accuracy_forms[rules.accuracy_metric]
    if set(text.values) != set(names):
        problem = f"has the form of another benchmark ({', '.join(text.values)})"
        yield frame.finding(path, "accuracy-form", problem, _RESCORE)
        return
    yield from _values(frame, path, text, detail)
    applies = frame.rules.divisions.get(place.submitter.division)
    if applies and applies.accuracy_threshold_applies and text.percent < rules.accuracy_threshold:
        problem = f"{text.percent:g} is below {rules.accuracy_threshold:g}, which the closed division wants"
        yield frame.finding(path, "accuracy-threshold", problem, "submit to the open division")


def _values(frame: Frame, path: Path, text: AccuracyText, detail: DetailLog) -> Iterator[Finding]:
    for name, value in text.values.items():
        if name.endswith(_PERCENT) and not 0 <= value <= _ALL_PERCENT:
            yield frame.finding(path, "accuracy-range", f"{name} is {value:g}", _RESCORE)
    good, total = text.values.get("good_samples"), text.values.get("total_samples")
    if good is None or total is None:
        return
    share = _ALL_PERCENT * good / total if total else 0.0
    if abs(share - text.values["top1_percent"]) > _LAST_DIGIT:
        problem = f"says {text.values['top1_percent']:g} %, but {good:g} of {total:g} are {share:.3f} %"
        yield frame.finding(path, "accuracy-sum", problem, _RESCORE)
    asked = detail.settings.get("accuracy_sample_count")
    if asked is not None and asked != total:
        problem = f"counts {total:g} samples, the run had {asked}"
        yield frame.finding(path, "accuracy-of-another-run", problem, _RESCORE)


def _log(frame: Frame, folder: Path) -> Iterator[Finding]:
    path = folder / ACCURACY_FILE
    size = path.stat().st_size
    limit = frame.rules.submission.limits.accuracy_log_bytes
    if size > limit:
        yield frame.finding(path, "log-not-truncated", f"has {size} bytes, above {limit}", "truncate the accuracy logs")
        return
    if not has_end(path):
        yield frame.finding(path, "accuracy-log-cut", "has no end: the run was interrupted", RERUN)
    if not is_truncated(path) and kept_hash(folder / ACCURACY_TEXT) not in {None, sha256_of(path)}:
        yield frame.finding(path, "accuracy-log-hash", f"is not the log whose hash {ACCURACY_TEXT} has", _RESCORE)
