"""Checks of performance runs and of the closed division's compliance tests."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from mlperf_home.contracts.runs.job import run_seeds
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE
from mlperf_home.loadgen_logs.verdict import invalid_reasons
from mlperf_home.measurements.layout import ACCURACY_DIR, PERFORMANCE_DIR
from mlperf_home.submission.check.documents import system_categories
from mlperf_home.submission.check.places import POWER_DIR, RANGING_DIR
from mlperf_home.submission.check.runs import RERUN, check_log_size, check_run, check_utf_8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.places import CheckedResult, Finding

_LONGER = "run again with --execution_mode=valid"
_MORE_QUERIES = "raise min_query_count and run again"
# Settings with limits in the rules; LoadGen logs all of them in every performance run.
_COMPARED = ("min_duration_ms", "performance_sample_count", "samples_per_query", "min_query_count")
_RUN = "run the compliance test"
_AGAIN = "run it again with its performance run, on a quiet machine: _performance-only --rerun, with the same options"
_PASSED = "TEST PASS"
_TEST = re.compile(r"TEST[0-9]+")
_QUOTED_LENGTH = 200
# In floating point 1 - 0.99 differs from 0.01.
_ROUNDING = 1e-9


def performance_result(result: CheckedResult) -> float | None:
    """Return a result in its metric's unit, measured or inferred from another scenario; None without one."""
    measured, values = str(result.detail.settings.get("scenario")), result.detail.values
    metric = result.rules.metrics[result.scenario]
    inference = result.rules.submission.inference(measured, result.scenario)
    value = values.get(inference.key if inference else metric.key)
    # The official checker also reads the run's own result if another is inferred from it.
    ran = result.rules.metrics.get(measured)
    own = values.get(ran.key) if ran else None
    inferable = measured == result.scenario or inference is not None
    if not _is_number(value) or not _is_number(own) or value <= 0 or not inferable:
        return None
    return inference.result(value) if inference else value / metric.divisor


def check_performance(result: CheckedResult) -> Iterator[Finding]:
    """Check the performance run of a result."""
    folder, measured, scenario = result.run, result.measured, result.scenario
    if not result.contents.is_dir(folder):
        yield result.finding(folder, "performance-missing", "there is no performance run", RERUN)
        return
    power = folder.parent / POWER_DIR
    beside = {folder, power, power.with_name(RANGING_DIR)} if result.contents.is_dir(power) else {folder}
    for other in result.contents.subfolders(folder.parent):
        if other not in beside:
            yield result.finding(
                other, "run-folder", f"is a second run, beside {folder.name}", "keep one performance run"
            )
    yield from check_run(result, folder, result.detail, "PerformanceOnly", result.rules.seeds)
    path = folder / DETAIL_FILE
    if not result.contents.is_file(path):
        return
    yield from _check_run(result)
    yield from _check_category(result)
    if measured != scenario and result.rules.submission.inference(measured, scenario) is None:
        problem = f"is a run of {measured}; {scenario} cannot be inferred from it"
        yield result.finding(path, "log-scenario", problem, f"run {scenario}")
    elif performance_result(result) is None and not result.detail.missing:
        problem = "has no result: LoadGen could not estimate it"
        yield result.finding(path, "no-metric", problem, _MORE_QUERIES)


def _check_category(result: CheckedResult) -> Iterator[Finding]:
    """Check that the round allows an inferred result in the system's category."""
    allowed, place = result.rules.submission.package.inferred_categories, result.place
    if not allowed or not result.inferred_from:
        return
    if not set(allowed) & set(system_categories(place.submitter.description(place.sut))):
        problem = f"is inferred from {result.inferred_from}; the round allows that for {', '.join(allowed)} only"
        yield result.finding(place.results, "inferred-category", problem, f"run {result.scenario}")


def _check_run(result: CheckedResult) -> Iterator[Finding]:
    detail, path = result.detail, result.run / DETAIL_FILE
    if (verdict := detail.values.get("result_validity", "VALID")) != "VALID":
        reasons = invalid_reasons(result.measured, detail.values, detail.settings)
        for reason in reasons or (f"result_validity is {verdict!r}",):
            problem, _, remedy = reason.rpartition(": ")
            yield result.finding(path, "invalid-run", f"is INVALID: {problem or reason}", remedy or RERUN)
    if result.measured not in result.rules.scenarios:
        return
    compared = (*_COMPARED, "target_latency_ns") if result.measured == "Server" else _COMPARED
    logged = {f"effective_{name}": detail.settings.get(name) for name in compared}
    if "result_query_count" in detail.values:
        logged["result_query_count"] = detail.values["result_query_count"]
    no_numbers = {key: value for key, value in logged.items() if not _is_number(value)}
    if no_numbers:
        for key, value in () if detail.missing or detail.fault else no_numbers.items():
            problem = f"{key} is {value!r}, not a number" if key in detail.logged else f"{key} is not logged"
            yield result.finding(path, "log-value", problem, RERUN)
        return
    yield from _check_sizes(result, path)
    yield from _check_queries(result, path)


def _is_number(value: object) -> TypeGuard[float]:
    # In Python, booleans are integers.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_sizes(result: CheckedResult, path: Path) -> Iterator[Finding]:
    least_samples = result.rules.min_query_count(result.measured, result.name)
    benchmark, required, name = result.benchmark, result.rules.scenarios[result.measured], result.rules.name
    settings, tolerant = result.detail.settings, result.tolerant
    loaded, needed = settings.get("performance_sample_count"), benchmark.performance_sample_count
    if loaded is not None and loaded < needed:
        problem = f"{loaded} {benchmark.sample_unit} were loaded, {name} requires {needed}"
        yield result.finding(path, "performance-samples", problem, "run again on the whole dataset", note=tolerant)
    duration_ms = settings.get("min_duration_ms")
    if duration_ms is not None and duration_ms < required.min_duration_ms:
        limit_s = required.min_duration_ms / 1000
        problem = f"min_duration was {duration_ms / 1000:g} s, {name} requires {limit_s:g} s"
        yield result.finding(path, "min-duration", problem, _LONGER, note=tolerant)
    per_query = settings.get("samples_per_query")
    if result.measured == "Offline" and per_query is not None and per_query < least_samples:
        problem = f"{per_query} samples were issued, {name} requires {least_samples}"
        yield result.finding(path, "offline-samples", problem, _LONGER, note=tolerant)
    if result.measured == "MultiStream" and per_query not in (None, required.samples_per_query):
        problem = f"a query had {per_query} samples, {name} requires {required.samples_per_query}"
        yield result.finding(path, "samples-per-query", problem, "run again with the round's rules")
    limit_ms = result.rules.loadgen_models[benchmark.loadgen_model].server_latency_ms
    target_ns = settings.get("target_latency_ns")
    if result.measured == "Server" and limit_ms and target_ns and target_ns > limit_ms * 1e6:
        problem = f"its latency limit was {target_ns / 1e6:g} ms, {name} has {limit_ms:g} ms"
        yield result.finding(path, "latency-limit", problem, "run again with the round's limit")


def _check_queries(result: CheckedResult, path: Path) -> Iterator[Finding]:
    least, name = result.rules.scenarios[result.measured].early_stopping_min_query_count, result.rules.name
    values, min_query_count = result.detail.values, result.detail.settings.get("min_query_count")
    queries = values.get("result_query_count")
    if result.measured == "Offline":
        if min_query_count is not None and min_query_count < 1:
            problem = f"min_query_count was {min_query_count}, {name} requires 1"
            yield result.finding(path, "min-query-count", problem, RERUN)
    elif queries is not None and queries < least:
        yield result.finding(path, "query-count", f"has {queries} queries, {name} requires {least}", _MORE_QUERIES)
    # The reasons of an INVALID run name early stopping already.
    elif values.get("result_validity") == "VALID" and not values.get("early_stopping_met"):
        reason = " ".join(str(values.get("early_stopping_result") or "LoadGen logs no reason").split())
        problem = f"early stopping's condition was not met: {reason}"
        yield result.finding(path, "early-stopping", problem, _MORE_QUERIES, note=result.tolerant)


def check_compliance(result: CheckedResult) -> Iterator[Finding]:
    """Check the compliance tests of a result against its performance run, if the division requires them."""
    tests, known = result.place.tests, result.benchmark.compliance_tests
    present = [folder for folder in result.contents.subfolders(tests) if _TEST.fullmatch(folder.name)]
    if not result.division or not result.division.compliance_applies:
        if present:
            problem = f"the {result.place.submitter.division} division has no compliance tests"
            yield result.finding(present[0].parent, "compliance-division", problem, "remove them", note=True)
        return
    if not present:
        yield result.finding(tests, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for folder in present:
        if folder.name not in known:
            problem = f"is no compliance test of {result.name} in {result.rules.name}, and nobody reads it"
            yield result.finding(folder, "compliance-unknown", problem, "remove it", note=True)
    for test in known:
        folder = tests / test
        if not result.contents.is_dir(folder):
            yield result.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _check_verdicts(result, folder)
        run = folder / PERFORMANCE_DIR
        detail = result.contents.detail(run / DETAIL_FILE).detail
        # This result may be a copy: a test belongs to the measured scenario.
        yield from _check_test_run(replace(result, scenario=result.measured, run=run, detail=detail), test)


def _check_verdicts(result: CheckedResult, folder: Path) -> Iterator[Finding]:
    rules = result.rules.submission.compliance[folder.name]
    for name in rules.files:
        path = folder / name
        if not result.contents.is_file(path):
            yield result.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in (text := path.read_text("utf-8", errors="replace")):
            quoted = ", ".join(text.split("\n"))[:_QUOTED_LENGTH].strip(", ")
            problem = f"does not contain {_PASSED}, but {quoted or 'nothing'}"
            yield result.finding(path, "compliance-failed", problem, _AGAIN)
        else:
            yield from check_utf_8(result, path, f"{_RUN} again")
    if rules.accuracy_verdict:
        yield from _check_outputs(result, folder, rules)


def _check_test_run(test: CheckedResult, name: str) -> Iterator[Finding]:
    """Check a test's run: a performance run in the same scenario."""
    seeds = run_seeds(test.rules, name)
    findings = check_run(test, test.run, test.detail, "PerformanceOnly", seeds)
    # TEST01 and TEST04 run under an audit.config.
    yield from (each for each in findings if each.rule != "audit-config")
    path, metric = test.run / DETAIL_FILE, test.rules.metrics.get(test.measured)
    if not test.contents.is_file(path):
        return
    yield from _check_run(test)
    if test.measured != test.scenario:
        problem = f"is a run of {test.measured}, but the performance run is of {test.scenario}"
        yield test.finding(path, "log-scenario", problem, f"{_RUN} again")
    elif metric and not test.detail.missing and not _is_number(test.detail.values.get(metric.key)):
        yield test.finding(path, "no-metric", "has no result", f"{_RUN} again")


def _check_outputs(result: CheckedResult, folder: Path, rules: ComplianceTest) -> Iterator[Finding]:
    """Check that the outputs were equal, or that the two accuracies are close enough for the benchmark."""
    verdict, accuracy = folder / rules.accuracy_verdict, folder / ACCURACY_DIR
    if not result.contents.is_file(verdict):
        yield result.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    yield from check_utf_8(result, verdict, f"{_RUN} again")
    text, package = verdict.read_text("utf-8", errors="replace"), result.rules.submission.package
    same = _PASSED in (map(str.strip, text.splitlines()) if package.verdict_is_a_line else text)
    if same and not package.outputs_after_pass and not result.contents.is_dir(accuracy):
        return
    needed = rules.accuracy_files if same else (*rules.accuracy_files, *rules.compared_files)
    missing = [name for name in needed if not result.contents.is_file(accuracy / name)]
    for name in missing:
        yield result.finding(accuracy / name, "compliance-file", "is missing", _RUN)
    for name in sorted(result.contents.folder(accuracy).keys() - set(needed)):
        yield result.finding(accuracy / name, "file-list", "is not allowed among these files", "move it out")
    yield from check_log_size(result, accuracy / ACCURACY_FILE)
    if same or missing:
        return
    names = set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric])
    texts = [result.contents.accuracy(accuracy / name) for name in rules.compared_files]
    percents = [each.percent if each and each.count == 1 and set(each.values) == names else 0.0 for each in texts]
    margin = 1 - result.benchmark.accuracy_fraction
    if not all(percents) or abs(1 - percents[0] / percents[1]) > margin + _ROUNDING:
        pair = " and ".join(f"{each:g}" for each in percents)
        problem = f"the outputs differ, and the accuracies ({pair}; 0 for none) are not within {100 * margin:.3g} %"
        yield result.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")
