"""The figures of a run, and where each is written: one table, and a comparison of all places.

LoadGen writes a figure to the detail log under a key, and to the summary under a label. It repeats the estimates of
early stopping as sentences in both. Some figures follow from others. A result is consistent if all of them agree.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUMMARY_HEADING = "MLPerf Results Summary"
"""The heading of every summary that LoadGen writes."""
IN_SUMMARY = "the summary"
"""The place of contradictions between the two logs."""

_FLAGS = {"yes": True, "no": False, "1": True, "0": False}
# The summary's labels of results, with the keys of the detail log. MultiStream's latencies are those of queries.
_RESULTS = {
    "SUT name": "sut_name",
    "Scenario": "effective_scenario",
    "Mode": "effective_test_mode",
    "Result is": "result_validity",
    "Performance constraints satisfied": "result_perf_constraints_met",
    "Min duration satisfied": "result_min_duration_met",
    "Min queries satisfied": "result_min_queries_met",
    "Early stopping satisfied": "early_stopping_met",
    "Samples per second": "result_samples_per_second",
    "Scheduled samples per second": "result_scheduled_samples_per_sec",
    "Completed samples per second": "result_completed_samples_per_sec",
    "QPS w/ loadgen overhead": "result_qps_with_loadgen_overhead",
    "QPS w/o loadgen overhead": "result_qps_without_loadgen_overhead",
}
_LATENCIES = {f"{kind.capitalize()} latency (ns)": f"result_{kind}{{}}_latency_ns" for kind in ("min", "max", "mean")}
# The settings' labels are their keys, some with a unit.
_SETTINGS = {
    "target_latency (ns)": "effective_target_latency_ns",
    "min_duration (ms)": "effective_min_duration_ms",
    "max_duration (ms)": "effective_max_duration_ms",
    **{
        name: f"effective_{name}"
        for name in (
            *("samples_per_query", "target_qps", "max_async_queries", "min_query_count", "max_query_count"),
            *("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed", "accuracy_log_rng_seed"),
            *("accuracy_log_probability", "accuracy_log_sampling_target", "print_timestamps"),
            *("performance_issue_unique", "performance_issue_same", "performance_issue_same_index"),
            "performance_sample_count",
        )
    },
}
_LINE = re.compile(r"^[ \t]*(\S[^:\n]*?)[ \t]*:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_PERCENTILE = re.compile(r"(\d+(?:\.\d+)?)(?:th)? percentile latency \(ns\)")
_PROCESSED = re.compile(r"Processed at least \d+ queries \((\d+)\)")
_ESTIMATE = re.compile(r"Early stopping (\d+(?:\.\d+)?)th percentile estimate: (\d+)")
_RESULT_PERCENTILE = re.compile(r"result_(\d+(?:\.\d+)?)_percentile")
_COMPUTED_FROM = ("result_", "early_stopping_", "effective_samples_per_query", "effective_performance_sample_count")
_ESTIMATES = {
    "SingleStream": {90.0: "early_stopping_latency_ss", 99.0: "early_stopping_latency_ms"},
    "MultiStream": {99.0: "early_stopping_latency_ms"},
}
_SIX_DIGITS = 1e-5
# A rate in the summary has two digits after the point.
_TWO_DECIMALS = 0.00501
_ROUNDED_TWICE = 1e-4
_LARGEST = 1e30
# LoadGen adds the latencies in 64 bits: the mean of very many samples is none.
_SUM_LIMIT = 2**63


class FigureContradiction(NamedTuple):
    """Two places that tell one figure differently.

    Attributes:
        key: the figure's key in the detail log.
        where, value: the other place, and its value.
        logged: the detail log's value.
    """

    key: str
    where: str
    value: object
    logged: object


@lru_cache(maxsize=8)
def summary_figures(text: str, scenario: str) -> tuple[tuple[str, str], ...]:
    """Return the figures of a summary with their keys in the detail log; some percentiles stand there twice."""
    per_query = "_query" if scenario == "MultiStream" else ""
    names = _RESULTS | _SETTINGS | {label: key.format(per_query) for label, key in _LATENCIES.items()}
    found = []
    for label, value in _LINE.findall(text):
        percentile = _PERCENTILE.fullmatch(label)
        key = _percentile_key(float(percentile.group(1)), scenario) if percentile else names.get(label)
        if key:
            found.append((key, value))
    return (*found, *early_stopping_figures(text, scenario))


def early_stopping_figures(text: str, scenario: str) -> list[tuple[str, str]]:
    """Return the figures in the sentences about early stopping with their keys in the detail log."""
    keys = _ESTIMATES.get(scenario, {})
    pairs = ((keys.get(float(percentile)), value) for percentile, value in _ESTIMATE.findall(text))
    counts = (("result_query_count", value) for value in _PROCESSED.findall(text))
    return [*counts, *((key, value) for key, value in pairs if key)]


def contradictions(logged: Mapping[str, Any], summary: str) -> Iterator[FigureContradiction]:
    """Yield the figures of a run that its summary, or another part of its detail log, tells differently."""
    scenario = str(logged.get("effective_scenario"))
    for key, value in summary_figures(summary, scenario):
        if key in logged and not _agree(value, logged[key], key):
            yield FigureContradiction(key, IN_SUMMARY, value, logged[key])
    sentence = str(logged.get("early_stopping_result", ""))
    for key, value in early_stopping_figures(sentence, scenario):
        if key in logged and not _agree(value, logged[key], key):
            yield FigureContradiction(key, "early_stopping_result", value, logged[key])
    yield from _recomputed(logged, scenario)


def absent_figures(logged: Mapping[str, Any], summary: str) -> list[str]:
    """Return the results in the detail log that the summary should have too, if the summary is LoadGen's."""
    if SUMMARY_HEADING not in summary or logged.get("effective_test_mode") != "PerformanceOnly":
        return []
    scenario = str(logged.get("effective_scenario"))
    per_query = "_query" if scenario == "MultiStream" else ""
    shown = {*_RESULTS.values(), *(key.format(per_query) for key in _LATENCIES.values())}
    shown |= {key for key in logged if key.startswith("result_") and key.endswith(_percentile_end(scenario))}
    # LoadGen logs 0 for an estimate that it could not make.
    shown |= {key for key in _ESTIMATES.get(scenario, {}).values() if logged.get(key)}
    # An empty name is an empty line in the summary.
    present = {key for key in shown & logged.keys() if logged[key] != ""}
    return sorted(present - dict(summary_figures(summary, scenario)).keys())


def is_figure(value: object) -> TypeGuard[float]:
    """Whether a logged value is a number with which one can compute: no boolean, not infinite, not absurdly large."""
    return type(value) in {int, float} and -_LARGEST < value < _LARGEST  # type: ignore[operator]


def _percentile_end(scenario: str) -> str:
    return "_percentile_per_query_latency_ns" if scenario == "MultiStream" else "_percentile_latency_ns"


def _percentile_key(percentile: float, scenario: str) -> str:
    return f"result_{percentile:.2f}{_percentile_end(scenario)}"


def _agree(text: str, value: object, key: str) -> bool:
    if isinstance(value, bool):
        return _FLAGS.get(text.lower()) is value
    if is_figure(value):
        # The seeds have more digits than a float.
        return _number(text) == value or _close(text, value, key)
    return text.split() == str(value).split()


def _close(text: str, value: float, key: str) -> bool:
    number = _number(text)
    # Rates of Server and SingleStream are rounded to two digits after the point.
    rounding = _TWO_DECIMALS if key.startswith("result_") and not key.endswith("_ns") else 0.0
    return number is not None and abs(number - value) <= max(_SIX_DIGITS * abs(value), rounding)


def _number(text: str) -> float | None:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return None


def _recomputed(logged: Mapping[str, Any], scenario: str) -> Iterator[FigureContradiction]:
    """Yield the figures that do not follow from others as LoadGen computes them."""
    numbers = {key: value for key, value in logged.items() if key.startswith(_COMPUTED_FROM) and is_figure(value)}
    for key, permitted, formula in _formulas(numbers, scenario):
        if key in numbers and not any(abs(numbers[key] - each) <= _ROUNDED_TWICE * each for each in permitted):
            yield FigureContradiction(key, formula, f"{permitted[0]:.6g}", numbers[key])
    for order in _orders(numbers, scenario):
        known = [key for key in order if numbers.get(key)]
        for lower, key in pairwise(known):
            if numbers[key] < numbers[lower]:
                yield FigureContradiction(key, f"at least {lower}", numbers[lower], numbers[key])


def _formulas(numbers: Mapping[str, float], scenario: str) -> Iterator[tuple[str, list[float], str]]:
    """Yield a figure, the values that others permit, and how they follow."""
    mean, slowest = numbers.get("result_mean_latency_ns"), numbers.get("result_max_latency_ns")
    if scenario == "SingleStream" and mean:
        yield "result_qps_without_loadgen_overhead", [1e9 / mean], "1 / result_mean_latency_ns"
    count = numbers.get("effective_samples_per_query", 0) * numbers.get("result_query_count", 0)
    if scenario == "Offline" and slowest and count:
        # With sample_concatenate_permutation, LoadGen issues whole rounds of the loaded samples.
        loaded = max(1, numbers.get("effective_performance_sample_count", 1))
        counts = (count, math.ceil(count / loaded) * loaded)
        formula = "samples / result_max_latency_ns"
        yield "result_samples_per_second", [1e9 * each / slowest for each in counts], formula


def _orders(numbers: Mapping[str, float], scenario: str) -> Iterator[list[str]]:
    """Yield latencies in the order in which they cannot fall; an estimate of early stopping is never too low."""
    per_query = "_query" if scenario == "MultiStream" else ""
    least, most = f"result_min{per_query}_latency_ns", f"result_max{per_query}_latency_ns"
    percentiles, end = {}, _percentile_end(scenario)
    for key in numbers:
        if key.endswith(end) and (match := _RESULT_PERCENTILE.match(key)):
            percentiles[float(match.group(1))] = key
    yield [least, *(percentiles[each] for each in sorted(percentiles)), most]
    count = numbers.get("effective_samples_per_query", 0) * numbers.get("result_query_count", 0)
    if count * numbers.get(most, 0) < _SUM_LIMIT:
        yield [least, f"result_mean{per_query}_latency_ns", most]
    for percentile, key in _ESTIMATES.get(scenario, {}).items():
        yield [_percentile_key(percentile, scenario), key, most]
