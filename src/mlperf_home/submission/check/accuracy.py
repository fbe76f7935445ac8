"""The accuracy run of a result: is it whole, is it of this dataset and this set-up, and what does it say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.session import sha256_of
from mlperf_home.loadgen_logs.accuracy_log import AccuracyText, is_truncated, known_accuracy
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, DetailLog, has_end, scan_detail
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT
from mlperf_home.submission.check.runs import RERUN, check_run, check_utf_8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.places import Checked, Finding

_ALL_PERCENT = 100
# accuracy.txt has three digits after the point.
_LAST_DIGIT = 0.001
_RESCORE = "compute the accuracy again from the whole log"
# What two runs of one set-up have in common.
_SAME_SETUP = (
    *("loadgen_version", "qsl_reported_total_count", "qsl_reported_performance_count", "sut_name"),
    "effective_scenario",
)


def check_accuracy(result: Checked) -> Iterator[Finding]:
    """Check the accuracy run of a result against the rules and against its performance run."""
    folder = result.place.results / ACCURACY_DIR
    if not folder.is_dir():
        remedy = "run it: _accuracy-only, with the same options"
        yield result.finding(folder, "accuracy-missing", "there is no accuracy run", remedy)
        return
    detail = scan_detail(folder / DETAIL_FILE)
    yield from check_run(result, folder, detail, "AccuracyOnly", result.rules.seeds)
    if (folder / DETAIL_FILE).is_file():
        yield from _setup(result, folder / DETAIL_FILE, detail)
    text = known_accuracy(folder / ACCURACY_TEXT)
    if (folder / ACCURACY_TEXT).is_file():
        yield from _text(result, folder / ACCURACY_TEXT, text, detail)
    if (folder / ACCURACY_FILE).is_file():
        yield from _log(result, folder / ACCURACY_FILE, text.log_sha256 if text else None)


def _setup(result: Checked, path: Path, accuracy: DetailLog) -> Iterator[Finding]:
    for key in _SAME_SETUP:
        one, other = accuracy.logged.get(key), result.detail.logged.get(key)
        if one is not None and other is not None and one != other:
            name = key.removeprefix("effective_")
            problem = f"{name} is {one}, in the performance run {other}: they are not of one set-up"
            yield result.finding(path, "runs-differ", problem, "run both again with the same options")
    wanted = result.benchmark.dataset_sample_count
    found = accuracy.settings.get("accuracy_sample_count")
    if found is not None and found != wanted:
        problem = f"accuracy was measured on {found} samples, the dataset has {wanted}"
        yield result.finding(path, "accuracy-samples", problem, "run again on the whole dataset", note=result.tolerant)


def _text(result: Checked, path: Path, text: AccuracyText | None, detail: DetailLog) -> Iterator[Finding]:
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


def _values(result: Checked, path: Path, text: AccuracyText, detail: DetailLog) -> Iterator[Finding]:
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


def _log(result: Checked, path: Path, kept_hash: str | None) -> Iterator[Finding]:
    size, limit = path.stat().st_size, result.rules.submission.limits.accuracy_log_bytes
    if size > limit:
        problem = f"has {size} bytes, above {limit}"
        yield result.finding(path, "log-not-truncated", problem, "truncate the accuracy logs")
        return
    if not has_end(path):
        yield result.finding(path, "accuracy-log-cut", "has no end: the run was interrupted", RERUN)
    if not is_truncated(path) and kept_hash not in {None, sha256_of(path)}:
        yield result.finding(path, "accuracy-log-hash", f"is not the log whose hash {ACCURACY_TEXT} has", _RESCORE)
