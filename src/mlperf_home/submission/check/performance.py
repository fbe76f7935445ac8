"""Checks of performance runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE
from mlperf_home.loadgen_logs.verdict import invalid_reasons
from mlperf_home.submission.check.documents import system_categories
from mlperf_home.submission.check.places import POWER_DIR, RANGING_DIR
from mlperf_home.submission.check.runs import RERUN, check_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.places import CheckedResult, Finding

_LONGER = "run again with --execution_mode=valid"
_MORE_QUERIES = "raise min_query_count and run again"
# Settings with limits in the rules; LoadGen logs all of them in every performance run.
_COMPARED = ("min_duration_ms", "performance_sample_count", "samples_per_query", "min_query_count")


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
    if not is_number(value) or not is_number(own) or value <= 0 or not inferable:
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
    yield from check_figures(result)
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


def check_figures(result: CheckedResult) -> Iterator[Finding]:
    """Check verdict, settings and counts in the log of a performance run, or of a compliance test."""
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
    no_numbers = {key: value for key, value in logged.items() if not is_number(value)}
    if no_numbers:
        for key, value in () if detail.missing or detail.fault else no_numbers.items():
            problem = f"{key} is {value!r}, not a number" if key in detail.logged else f"{key} is not logged"
            yield result.finding(path, "log-value", problem, RERUN)
        return
    yield from _check_sizes(result, path)
    yield from _check_queries(result, path)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a logged value is a number."""
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
        yield from _explain_few_samples(result, path, per_query, least_samples)
    if result.measured == "MultiStream" and per_query not in (None, required.samples_per_query):
        problem = f"a query had {per_query} samples, {name} requires {required.samples_per_query}"
        yield result.finding(path, "samples-per-query", problem, "run again with the round's rules")
    limit_ms = result.rules.loadgen_models[benchmark.loadgen_model].server_latency_ms
    target_ns = settings.get("target_latency_ns")
    if result.measured == "Server" and limit_ms and target_ns and target_ns > limit_ms * 1e6:
        problem = f"its latency limit was {target_ns / 1e6:g} ms, {name} has {limit_ms:g} ms"
        yield result.finding(path, "latency-limit", problem, "run again with the round's limit")


def _explain_few_samples(result: CheckedResult, path: Path, count: int, least: int) -> Iterator[Finding]:
    """Report an Offline run of few samples, an error if the division has a minimum."""
    if result.division is None or result.division.minimum_samples_apply:
        problem = f"{count} samples were issued, {result.rules.name} requires {least}"
        yield result.finding(path, "offline-samples", problem, _LONGER, note=result.tolerant)
    else:
        problem = f"{count} samples were issued; the official preprocessing removes results of fewer than {least}"
        yield result.finding(path, "offline-samples", problem, "leave that step out, or run again", note=True)


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
