"""Explanations of INVALID runs and LoadGen errors, each with the option to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RAN_OUT = "Ran out of generated queries"
_BELOW_LOWER_BOUND = "Initial lower bound does not satisfy performance constraints"


def invalid_reasons(scenario: str, values: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the reasons of an INVALID run from its detail log's values and settings; empty for other runs."""
    if values.get("result_validity") != "INVALID":
        return ()
    reasons = []
    if values.get("result_min_duration_met") is False:
        reasons.append(_too_short(scenario, values, settings))
    if values.get("result_min_queries_met") is False:
        reasons.append(
            f"{values.get('result_query_count')} queries were issued, but at least {settings.get('min_query_count')} "
            "are needed: raise max_duration or lower min_query_count"
        )
    if values.get("result_perf_constraints_met") is False:
        limit_ms = float(settings.get("target_latency_ns", 0)) / 1e6
        percent = 100 * float(settings.get("target_latency_percentile", 0))
        reached_ns = values.get(f"result_{percent:.2f}_percentile_latency_ns")
        reached = "" if reached_ns is None else f" ({float(reached_ns) / 1e6:.1f} ms)"
        problem = f"the {percent:g}th percentile latency{reached} is above the limit of {limit_ms:g} ms"
        reasons.append(f"{problem}: lower target_qps from {settings.get('target_qps')}")
    if values.get("early_stopping_met") is False and values.get("result_perf_constraints_met") is not False:
        text = " ".join(str(values.get("early_stopping_result", "")).replace("*", " ").split())
        reasons.append(f"early stopping could not estimate the percentile: {text} Raise min_query_count")
    return tuple(reasons) or ("LoadGen gives no reason",)


def _too_short(scenario: str, values: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    least_s = float(settings.get("min_duration_ms", 0)) / 1000
    if scenario == "Offline":
        took_s = float(values.get("result_max_latency_ns", 0)) / 1e9
        rate = values.get("result_samples_per_second")
        return (
            f"the run ended after {took_s:.1f} s instead of {least_s:g} s because target_qps was too low: "
            f"raise target_qps to the measured {rate} samples per second"
        )
    if scenario == "Server":
        return f"the run ended before {least_s:g} s: raise target_qps"
    return f"the run ended before {least_s:g} s: {_lower_latency(scenario, values)}"


def mean_latency_ms(scenario: str, values: Mapping[str, Any]) -> float | None:
    """Return the mean latency of a query in MultiStream, of a sample otherwise; None if it is not logged."""
    key = "result_mean_query_latency_ns" if scenario == "MultiStream" else "result_mean_latency_ns"
    mean_ns = values.get(key)
    return float(mean_ns) / 1e6 if isinstance(mean_ns, (int, float)) else None


def ran_out_of_queries(errors: Sequence[str]) -> bool:
    """Whether LoadGen ran out of its generated queries."""
    return any(_RAN_OUT in error for error in errors)


def _lower_latency(scenario: str, values: Mapping[str, Any]) -> str:
    mean_ms = mean_latency_ms(scenario, values)
    if mean_ms is None:
        return "lower target_latency"
    # LoadGen generates twice the queries that target_latency implies; 0.4 of the mean leaves a margin.
    return f"lower target_latency to {mean_ms * 0.4:.3g} ms, 0.4 of the measured mean"


def explain_errors(scenario: str, errors: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return one line on the cause of LoadGen's error lines and the option to change."""
    first = " ".join(errors[0].split())
    if ran_out_of_queries(errors):
        remedy = _lower_latency(scenario, values) if scenario in {"SingleStream", "MultiStream"} else "raise target_qps"
        return f"LoadGen ran out of generated queries before the run was long enough: {remedy}"
    if any(_BELOW_LOWER_BOUND in error for error in errors):
        return "the first rate of the search already exceeds the latency limit: lower target_qps"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"LoadGen reports an error: {first}{more}"
