"""What every LoadGen run of a submission must show, and what the log of a performance run or compliance test must."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, SUMMARY_FILE, DetailLog, summary_is_whole
from mlperf_home.loadgen_logs.verdict import explain_errors, invalid_reasons
from mlperf_home.submission.check.documents import conf_values
from mlperf_home.submission.check.places import files, subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Seeds
    from mlperf_home.submission.check.places import Checked, Finding, Frame

RERUN = "run the benchmark again"
_LONGER = "run again with --execution_mode=valid"
_MORE_QUERIES = "raise min_query_count and run again"
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
# What is compared with the round's numbers; LoadGen logs each of them in every performance run.
_COMPARED = ("min_duration_ms", "performance_sample_count", "samples_per_query", "min_query_count")


def check_run(frame: Frame, folder: Path, detail: DetailLog, mode: str, seeds: Seeds) -> Iterator[Finding]:
    """Check what both modes share: their files, whole logs, no errors, the mode, the seeds, no audit.

    `mode` is LoadGen's name of the mode that belongs here.
    """
    yield from _file_list(frame, folder, mode)
    path, settings = folder / DETAIL_FILE, detail.settings
    if not path.is_file():
        return
    yield from _whole(frame, path, detail)
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
    yield from _summary(frame, folder / SUMMARY_FILE, detail)


def _file_list(frame: Frame, folder: Path, mode: str) -> Iterator[Finding]:
    names = frame.rules.submission.files
    accuracy = mode == "AccuracyOnly"
    needed = names.accuracy if accuracy else names.performance
    allowed = names.accuracy_optional if accuracy else names.performance_optional
    for name in needed:
        if not (folder / name).is_file():
            yield frame.finding(folder / name, "log-missing", "is missing", RERUN)
    for name in sorted(files(folder) - {*needed, *allowed}):
        yield frame.finding(folder / name, "file-list", "may not stand among the logs", "move it out")


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


def _summary(frame: Frame, path: Path, detail: DetailLog) -> Iterator[Finding]:
    if not path.is_file():
        return
    text = path.read_text("utf-8", errors="replace")
    if not summary_is_whole(text):
        yield frame.finding(path, "summary-cut", "the last line is missing: the run was interrupted", RERUN)
    for label, key in _SAID_TWICE:
        found = re.search(rf"^{re.escape(label)}\s*:\s*(\S+)\s*$", text, re.MULTILINE)
        if found and key in detail.logged and not _same(found.group(1), detail.logged[key]):
            problem = f"says {label} {found.group(1)}, {DETAIL_FILE} says {detail.logged[key]}"
            remedy = "put both logs of one run here"
            yield frame.finding(path, "logs-mixed", f"{problem}: they are of different runs", remedy)
            return


def _same(text: str, value: Any) -> bool:
    try:
        # The summary has six digits.
        return abs(float(text) - float(value)) <= 1e-5 * abs(float(value))
    except (TypeError, ValueError):
        return text == str(value)


def performance_result(result: Checked) -> float | None:
    """Read a result, in its metric's unit, from the log of a run of its scenario or of another; None without one."""
    measured, values = str(result.detail.settings.get("scenario")), result.detail.values
    metric = result.rules.metrics[result.scenario]
    inference = result.rules.submission.inference(measured, result.scenario)
    value = values.get(inference.key if inference else metric.key)
    # The official checker reads the result of the run itself too, where another is inferred from it.
    ran = result.rules.metrics.get(measured)
    own = values.get(ran.key) if ran else None
    inferable = measured == result.scenario or inference is not None
    if not is_number(value) or not is_number(own) or value <= 0 or not inferable:
        return None
    return inference.result(value) if inference else value / metric.divisor


def check_performance(result: Checked) -> Iterator[Finding]:
    """Check the performance run of a result."""
    folder, measured, scenario = result.run, result.measured, result.scenario
    if not folder.is_dir():
        yield result.finding(folder, "performance-missing", "there is no performance run", RERUN)
        return
    for other in subfolders(folder.parent):
        if other != folder:
            yield result.finding(other, "run-folder", f"is beside {folder.name}", "keep one performance run")
    yield from check_run(result, folder, result.detail, "PerformanceOnly", result.rules.seeds)
    path = folder / DETAIL_FILE
    if not path.is_file():
        return
    yield from check_measured(result)
    if measured != scenario and result.rules.submission.inference(measured, scenario) is None:
        problem = f"is a run of {measured}, from which {scenario} may not be inferred"
        yield result.finding(path, "log-scenario", problem, f"run {scenario}")
    elif performance_result(result) is None and not result.detail.missing:
        problem = "gives no result: LoadGen could not estimate it"
        yield result.finding(path, "no-metric", problem, _MORE_QUERIES)
    if measured in result.rules.scenarios:
        yield from _conf(result)


def _conf(result: Checked) -> Iterator[Finding]:
    path, settings = result.place.measurements / "user.conf", result.detail.settings
    said = conf_values(path, result.benchmark.loadgen_model, result.measured)
    pairs: dict[str, Any] = {"min_duration": settings.get("min_duration_ms")}
    if result.measured in {"Offline", "Server"}:
        pairs["target_qps"] = settings.get("target_qps")
    for key, effective in pairs.items():
        try:
            differs = abs(float(said[key]) - float(effective)) > 1e-4 * abs(float(said[key]))
        except (KeyError, TypeError, ValueError):
            continue
        if differs:
            problem = f"sets {key} to {said[key]}, the run had {effective}: it is of another run"
            yield result.finding(path, "conf-of-another-run", problem, "put the run's own user.conf here")


def check_measured(result: Checked) -> Iterator[Finding]:
    """Check what the detail log of a performance run says."""
    detail, path = result.detail, result.run / DETAIL_FILE
    if (verdict := detail.values.get("result_validity", "VALID")) != "VALID":
        reasons = invalid_reasons(result.measured, detail.values, detail.settings)
        for reason in reasons or (f"result_validity is {verdict!r}",):
            problem, _, remedy = reason.rpartition(": ")
            yield result.finding(path, "invalid-run", f"is INVALID: {problem or reason}", remedy or RERUN)
    if result.measured not in result.rules.scenarios:
        return
    if no_numbers := [] if detail.missing or detail.fault else list(_numbers(result, path)):
        yield from no_numbers
        return
    yield from _sizes(result, path)
    yield from _queries(result, path)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a logged value is a number, which true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(result: Checked, path: Path) -> Iterator[Finding]:
    compared = (*_COMPARED, "target_latency_ns") if result.measured == "Server" else _COMPARED
    logged = {f"effective_{name}": result.detail.settings.get(name) for name in compared}
    if "result_query_count" in result.detail.values:
        logged["result_query_count"] = result.detail.values["result_query_count"]
    for key, value in logged.items():
        if not is_number(value):
            problem = f"{key} is {value!r}, no number" if key in result.detail.logged else f"{key} is not logged"
            yield result.finding(path, "log-value", problem, RERUN)


def _sizes(result: Checked, path: Path) -> Iterator[Finding]:
    benchmark, wanted, name = result.benchmark, result.rules.scenarios[result.measured], result.rules.name
    settings, tolerant = result.detail.settings, result.tolerant
    loaded, needed = settings.get("performance_sample_count"), benchmark.performance_sample_count
    if loaded is not None and loaded < needed:
        problem = f"{loaded} samples were loaded, {name} wants {needed}"
        yield result.finding(path, "performance-samples", problem, "run again on the whole dataset", note=tolerant)
    duration_ms = settings.get("min_duration_ms")
    if duration_ms is not None and duration_ms < wanted.min_duration_ms:
        problem = f"was asked to last {duration_ms / 1000:g} s, {name} wants {wanted.min_duration_ms / 1000:g} s"
        yield result.finding(path, "min-duration", problem, _LONGER, note=tolerant)
    per_query = settings.get("samples_per_query")
    if result.measured == "Offline" and per_query is not None and per_query < wanted.min_query_count:
        problem = f"{per_query} samples were issued, {name} wants {wanted.min_query_count}"
        yield result.finding(path, "offline-samples", problem, _LONGER, note=tolerant)
    if result.measured == "MultiStream" and per_query not in (None, wanted.samples_per_query):
        problem = f"{per_query} samples a query, {name} wants {wanted.samples_per_query}"
        yield result.finding(path, "samples-per-query", problem, "run again with the round's rules")
    limit_ms = result.rules.loadgen_models[benchmark.loadgen_model].server_latency_ms
    asked_ns = settings.get("target_latency_ns")
    if result.measured == "Server" and limit_ms and asked_ns and asked_ns > limit_ms * 1e6:
        problem = f"its latency limit was {asked_ns / 1e6:g} ms, {name} has {limit_ms:g} ms"
        yield result.finding(path, "latency-limit", problem, "run again with the round's limit")


def _queries(result: Checked, path: Path) -> Iterator[Finding]:
    least, name = result.rules.scenarios[result.measured].early_stopping_min_query_count, result.rules.name
    values, asked = result.detail.values, result.detail.settings.get("min_query_count")
    queries = values.get("result_query_count")
    if result.measured == "Offline":
        if asked is not None and asked < 1:
            yield result.finding(path, "min-query-count", f"asked for {asked} queries, {name} wants 1", RERUN)
    elif queries is not None and queries < least:
        yield result.finding(path, "query-count", f"only {queries} queries, {name} wants {least}", _MORE_QUERIES)
    # An INVALID run is told with its reasons, which name early stopping.
    elif values.get("result_validity") == "VALID" and not values.get("early_stopping_met"):
        said = " ".join(str(values.get("early_stopping_result") or "LoadGen gives no reason").split())
        problem = f"early stopping's condition was not met: {said}"
        yield result.finding(path, "early-stopping", problem, _MORE_QUERIES, note=result.tolerant)
