"""What the log of a performance run must say, a compliance test's too: its verdict, its lengths, its own result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog
from mlperf_home.loadgen_logs.verdict import invalid_reasons
from mlperf_home.submission.check.runs.logs import RERUN, check_file_list, check_run
from mlperf_home.submission.check.tree.documents import conf_values
from mlperf_home.submission.check.tree.places import subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.rules.rounds import Benchmark
    from mlperf_home.submission.check.tree.places import Finding, Frame, ResultPlace

_LONGER = "run again with --execution_mode=valid"
# What is compared with the round's numbers; LoadGen logs each of them in every performance run.
_COMPARED = ("min_duration_ms", "performance_sample_count", "samples_per_query", "min_query_count")


def performance_result(frame: Frame, scenario: str, detail: DetailLog) -> float | None:
    """Read the result of a scenario, in its metric's unit, from the detail log of a run of it or of another scenario.

    None where the log does not give it.
    """
    metric = frame.rules.metrics[scenario]
    measured = str(detail.settings.get("scenario"))
    inference = frame.rules.submission.inference(measured, scenario)
    value = detail.values.get(inference.key if inference else metric.key)
    # The official checker reads the result of the run itself too, where another is inferred from it.
    ran = frame.rules.metrics.get(measured)
    own = detail.values.get(ran.key) if ran else None
    inferable = measured == scenario or inference is not None
    if not is_number(value) or not is_number(own) or value <= 0 or not inferable:
        return None
    return inference.result(value) if inference else value / metric.divisor


def check_performance(
    frame: Frame, place: ResultPlace, scenario: str, benchmark: Benchmark, detail: DetailLog | None
) -> Iterator[Finding]:
    """Check the performance run of a result; `detail` is its detail log, or None where there is no run."""
    folder = place.performance
    if detail is None:
        yield frame.finding(folder, "performance-missing", "there is no performance run", RERUN)
        return
    names = frame.rules.submission.files
    yield from check_file_list(frame, folder, names.performance, names.performance_optional)
    for other in subfolders(folder.parent):
        if other != folder:
            yield frame.finding(other, "run-folder", f"is beside {folder.name}", "keep one performance run")
    yield from check_run(frame, folder, detail, "PerformanceOnly", frame.rules.seeds)
    path = folder / DETAIL_FILE
    if not path.is_file():
        return
    measured = detail.settings.get("scenario", scenario)
    yield from check_measured(frame, path, measured, benchmark, detail)
    if measured != scenario and frame.rules.submission.inference(measured, scenario) is None:
        problem = f"is a run of {measured}, from which {scenario} may not be inferred"
        yield frame.finding(path, "log-scenario", problem, f"run {scenario}")
    elif performance_result(frame, scenario, detail) is None and not detail.missing:
        remedy = "raise min_query_count and run again"
        yield frame.finding(path, "no-metric", "gives no result: LoadGen could not estimate it", remedy)
    if measured in frame.rules.scenarios:
        yield from _conf(frame, place, measured, benchmark, detail)


def _conf(
    frame: Frame, place: ResultPlace, measured: str, benchmark: Benchmark, detail: DetailLog
) -> Iterator[Finding]:
    path = place.measurements / "user.conf"
    said = conf_values(path, benchmark.loadgen_model, measured)
    pairs: list[tuple[str, Any]] = [("min_duration", detail.settings.get("min_duration_ms"))]
    if measured in {"Offline", "Server"}:
        pairs.append(("target_qps", detail.settings.get("target_qps")))
    for key, effective in pairs:
        try:
            differs = abs(float(said[key]) - float(effective)) > 1e-4 * abs(float(said[key]))
        except (KeyError, TypeError, ValueError):
            continue
        if differs:
            problem = f"sets {key} to {said[key]}, the run had {effective}: it is of another run"
            yield frame.finding(path, "conf-of-another-run", problem, "put the run's own user.conf here")


def check_measured(
    frame: Frame, path: Path, measured: str, benchmark: Benchmark, detail: DetailLog
) -> Iterator[Finding]:
    """Check what the detail log of a performance run says.

    Args:
        frame: what the check goes by.
        path: the detail log.
        measured: the scenario that was run.
        benchmark: the benchmark.
        detail: what the log holds.
    """
    if (verdict := detail.values.get("result_validity", "VALID")) != "VALID":
        reasons = invalid_reasons(measured, detail.values, detail.settings)
        for reason in reasons or (f"result_validity is {verdict!r}",):
            problem, _, remedy = reason.rpartition(": ")
            yield frame.finding(path, "invalid-run", f"is INVALID: {problem or reason}", remedy or RERUN)
    if measured not in frame.rules.scenarios:
        return
    if no_numbers := [] if detail.missing or detail.fault else list(_numbers(frame, path, measured, detail)):
        yield from no_numbers
        return
    yield from _sizes(frame, path, measured, benchmark, detail.settings)
    yield from _queries(frame, path, measured, detail)
    yield from _latency_limit(frame, path, measured, benchmark, detail)


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a logged value is a number, which true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(frame: Frame, path: Path, measured: str, detail: DetailLog) -> Iterator[Finding]:
    compared = (*_COMPARED, "target_latency_ns") if measured == "Server" else _COMPARED
    logged = {f"effective_{name}": detail.settings.get(name) for name in compared}
    if "result_query_count" in detail.values:
        logged["result_query_count"] = detail.values["result_query_count"]
    for key, value in logged.items():
        if not is_number(value):
            problem = f"{key} is {value!r}, no number" if key in detail.logged else f"{key} is not logged"
            yield frame.finding(path, "log-value", problem, RERUN)


def _sizes(
    frame: Frame, path: Path, measured: str, benchmark: Benchmark, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    wanted, name = frame.rules.scenarios[measured], frame.rules.name
    loaded = settings.get("performance_sample_count")
    if loaded is not None and loaded < benchmark.performance_sample_count:
        problem = f"{loaded} samples were loaded, {name} wants {benchmark.performance_sample_count}"
        yield frame.finding(path, "performance-samples", problem, "run again on the whole dataset", note=frame.tolerant)
    duration_ms = settings.get("min_duration_ms")
    if duration_ms is not None and duration_ms < wanted.min_duration_ms:
        problem = f"was asked to last {duration_ms / 1000:g} s, {name} wants {wanted.min_duration_ms / 1000:g} s"
        yield frame.finding(path, "min-duration", problem, _LONGER, note=frame.tolerant)
    per_query = settings.get("samples_per_query")
    if measured == "Offline" and per_query is not None and per_query < wanted.min_query_count:
        problem = f"{per_query} samples were issued, {name} wants {wanted.min_query_count}"
        yield frame.finding(path, "offline-samples", problem, _LONGER, note=frame.tolerant)
    if measured == "MultiStream" and per_query not in (None, wanted.samples_per_query):
        problem = f"{per_query} samples a query, {name} wants {wanted.samples_per_query}"
        yield frame.finding(path, "samples-per-query", problem, "run again with the round's rules")


def _queries(frame: Frame, path: Path, measured: str, detail: DetailLog) -> Iterator[Finding]:
    wanted, name = frame.rules.scenarios[measured], frame.rules.name
    if measured == "Offline":
        asked = detail.settings.get("min_query_count")
        if asked is not None and asked < 1:
            yield frame.finding(path, "min-query-count", f"asked for {asked} queries, {name} wants 1", RERUN)
        return
    more = "raise min_query_count and run again"
    queries = detail.values.get("result_query_count")
    if queries is not None and queries < wanted.early_stopping_min_query_count:
        problem = f"only {queries} queries, {name} wants {wanted.early_stopping_min_query_count}"
        yield frame.finding(path, "query-count", problem, more)
    # An INVALID run is told with its reasons, which name early stopping.
    elif detail.values.get("result_validity") == "VALID" and not detail.values.get("early_stopping_met"):
        said = " ".join(str(detail.values.get("early_stopping_result") or "LoadGen gives no reason").split())
        problem = f"early stopping's condition was not met: {said}"
        yield frame.finding(path, "early-stopping", problem, more, note=frame.tolerant)


def _latency_limit(
    frame: Frame, path: Path, measured: str, benchmark: Benchmark, detail: DetailLog
) -> Iterator[Finding]:
    limit_ms = frame.rules.loadgen_models[benchmark.loadgen_model].server_latency_ms
    asked_ns = detail.settings.get("target_latency_ns")
    if measured == "Server" and limit_ms and asked_ns and asked_ns > limit_ms * 1e6:
        problem = f"its latency limit was {asked_ns / 1e6:g} ms, {frame.rules.name} has {limit_ms:g} ms"
        yield frame.finding(path, "latency-limit", problem, "run again with the round's limit")
