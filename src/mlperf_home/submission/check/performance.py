"""Performance runs, those of the closed division's compliance tests too: verdict, lengths, result; what tests say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

from mlperf_home.loadgen_logs.accuracy_log import known_accuracy
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.loadgen_logs.verdict import invalid_reasons
from mlperf_home.measurements.layout import ACCURACY_DIR, PERFORMANCE_DIR
from mlperf_home.submission.check.documents import conf_values
from mlperf_home.submission.check.places import files, subfolders
from mlperf_home.submission.check.runs import RERUN, check_run, check_utf_8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.places import CheckedResult, Finding

_LONGER = "run again with --execution_mode=valid"
_MORE_QUERIES = "raise min_query_count and run again"
# What is compared with the round's numbers; LoadGen logs each of them in every performance run.
_COMPARED = ("min_duration_ms", "performance_sample_count", "samples_per_query", "min_query_count")
_RUN = "run the compliance test"
_AGAIN = "run it again with its performance run, on a quiet machine: _performance-only --rerun, with the same options"
_PASSED = "TEST PASS"
_SAID_LENGTH = 200
# 1 - 0.99 is a little more than 0.01 in floating point, and a little less in others.
_ROUNDING = 1e-9


def performance_result(result: CheckedResult) -> float | None:
    """Read a result, in its metric's unit, from the log of a run of its scenario or of another; None without one."""
    measured, values = str(result.detail.settings.get("scenario")), result.detail.values
    metric = result.rules.metrics[result.scenario]
    inference = result.rules.submission.inference(measured, result.scenario)
    value = values.get(inference.key if inference else metric.key)
    # The official checker reads the result of the run itself too, where another is inferred from it.
    ran = result.rules.metrics.get(measured)
    own = values.get(ran.key) if ran else None
    inferable = measured == result.scenario or inference is not None
    if not _is_number(value) or not _is_number(own) or value <= 0 or not inferable:
        return None
    return inference.result(value) if inference else value / metric.divisor


def check_performance(result: CheckedResult) -> Iterator[Finding]:
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
    yield from _measured(result)
    if measured != scenario and result.rules.submission.inference(measured, scenario) is None:
        problem = f"is a run of {measured}, from which {scenario} may not be inferred"
        yield result.finding(path, "log-scenario", problem, f"run {scenario}")
    elif performance_result(result) is None and not result.detail.missing:
        problem = "gives no result: LoadGen could not estimate it"
        yield result.finding(path, "no-metric", problem, _MORE_QUERIES)
    if measured in result.rules.scenarios:
        yield from _conf(result)


def _conf(result: CheckedResult) -> Iterator[Finding]:
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


def _measured(result: CheckedResult) -> Iterator[Finding]:
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
    if no_numbers and not detail.missing and not detail.fault:
        for key, value in no_numbers.items():
            problem = f"{key} is {value!r}, no number" if key in detail.logged else f"{key} is not logged"
            yield result.finding(path, "log-value", problem, RERUN)
        return
    yield from _sizes(result, path)
    yield from _queries(result, path)


def _is_number(value: object) -> TypeGuard[float]:
    # True and false are none.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _sizes(result: CheckedResult, path: Path) -> Iterator[Finding]:
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


def _queries(result: CheckedResult, path: Path) -> Iterator[Finding]:
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


def check_compliance(result: CheckedResult) -> Iterator[Finding]:
    """Check the compliance tests that the division asks of a result, against the log of its performance run."""
    tests = result.place.below("compliance")
    if not result.division or not result.division.compliance_applies:
        if tests.is_dir():
            problem = f"the {result.place.submitter.division} division takes no compliance tests"
            yield result.finding(tests, "compliance-division", problem, "remove them", note=True)
        return
    if not tests.is_dir():
        yield result.finding(tests, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for test in result.benchmark.compliance_tests:
        folder = tests / test
        if not folder.is_dir():
            yield result.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _verdicts(result, folder)
        run = folder / PERFORMANCE_DIR
        # A test is compared with the scenario of the performance run, of which this result may be a copy.
        yield from _run(replace(result, scenario=result.measured, run=run, detail=scan_detail(run / DETAIL_FILE)), test)


def _verdicts(result: CheckedResult, folder: Path) -> Iterator[Finding]:
    wanted = result.rules.submission.compliance[folder.name]
    for name in wanted.files:
        path = folder / name
        if not path.is_file():
            yield result.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in (said := path.read_text("utf-8", errors="replace")):
            told = ", ".join(said.split("\n"))[:_SAID_LENGTH].strip(", ")
            yield result.finding(path, "compliance-failed", f"does not say {_PASSED}, but {told or 'nothing'}", _AGAIN)
        else:
            yield from check_utf_8(result, path, f"{_RUN} again")
    if wanted.accuracy_verdict:
        yield from _outputs(result, folder, wanted)


def _run(test: CheckedResult, name: str) -> Iterator[Finding]:
    """Check a test's run: the round asks of it what it asks of a performance run, in the same scenario."""
    seeds = test.rules.test05_seeds if name == "TEST05" else test.rules.seeds
    found = check_run(test, test.run, test.detail, "PerformanceOnly", seeds)
    # TEST01 and TEST04 are run under an audit.config: that finding is not one here.
    yield from (each for each in found if each.rule != "audit-config")
    path, metric = test.run / DETAIL_FILE, test.rules.metrics.get(test.measured)
    if not path.is_file():
        return
    yield from _measured(test)
    if test.measured != test.scenario:
        problem = f"is a run of {test.measured}, the performance run is one of {test.scenario}"
        yield test.finding(path, "log-scenario", problem, f"{_RUN} again")
    elif metric and not test.detail.missing and not _is_number(test.detail.values.get(metric.key)):
        yield test.finding(path, "no-metric", "gives no result", f"{_RUN} again")


def _outputs(result: CheckedResult, folder: Path, wanted: ComplianceTest) -> Iterator[Finding]:
    """Check that the outputs were the same, or that the accuracies of both are close, as the benchmark allows."""
    verdict, accuracy = folder / wanted.accuracy_verdict, folder / ACCURACY_DIR
    if not verdict.is_file():
        yield result.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    yield from check_utf_8(result, verdict, f"{_RUN} again")
    same = _PASSED in verdict.read_text("utf-8", errors="replace")
    needed = wanted.accuracy_files if same else (*wanted.accuracy_files, *wanted.compared_files)
    missing = [name for name in needed if not (accuracy / name).is_file()]
    for name in missing:
        yield result.finding(accuracy / name, "compliance-file", "is missing", _RUN)
    for name in sorted(files(accuracy) - set(needed)):
        yield result.finding(accuracy / name, "file-list", "may not stand among these files", "move it out")
    if same or missing:
        return
    names = set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric])
    texts = [known_accuracy(accuracy / name) for name in wanted.compared_files]
    found = [each.percent if each and each.count == 1 and set(each.values) == names else 0.0 for each in texts]
    close = 1 - result.benchmark.accuracy_fraction
    if not all(found) or abs(1 - found[0] / found[1]) > close + _ROUNDING:
        told = " and ".join(f"{each:g}" for each in found)
        problem = f"the outputs differ, and the accuracies ({told}; 0 for none) are not within {100 * close:.3g} %"
        yield result.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")
