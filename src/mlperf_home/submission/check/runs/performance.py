"""The performance run of a result: is it one, is it long enough, and what does it say?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, DetailLog, scan_detail
from mlperf_home.submission.check.runs.logs import RERUN, check_file_list, check_run
from mlperf_home.submission.check.runs.measured import check_measured, is_number
from mlperf_home.submission.check.tree.measurement_files import conf_values
from mlperf_home.submission.check.tree.places import subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Benchmark
    from mlperf_home.submission.check.tree.finding import Finding, Frame
    from mlperf_home.submission.check.tree.places import ResultPlace


@dataclass(frozen=True)
class PerformanceResult:
    """A scenario's result.

    Attributes:
        value: in `unit`, or None where the log does not give it.
        unit: "samples_per_second" or "latency_ms".
        validity: "VALID", "INVALID", or None.
        measured: the scenario that was run; another than the folder's where the result is inferred.
    """

    value: float | None
    unit: str
    validity: str | None
    measured: str | None


def run_folder(frame: Frame, place: ResultPlace) -> Path:
    """Give the folder with the logs of the performance run."""
    return place.results / "performance" / frame.rules.submission.folders.run


def performance_result(frame: Frame, scenario: str, detail: DetailLog) -> PerformanceResult:
    """Read the result of a scenario from the detail log of its performance run."""
    metric = frame.rules.metrics[scenario]
    measured = detail.settings.get("scenario")
    validity = detail.values.get("result_validity")
    inference = frame.rules.submission.inference(str(measured), scenario)
    key = inference.key if inference else metric.key
    value = detail.values.get(key)
    # The official checker reads the result of the run itself too, where another is inferred from it.
    ran = frame.rules.metrics.get(str(measured))
    own = detail.values.get(ran.key) if ran else None
    inferable = measured == scenario or inference is not None
    if not is_number(value) or not is_number(own) or value <= 0 or not inferable:
        return PerformanceResult(None, metric.unit, validity, measured)
    found = inference.result(value) if inference else value / metric.divisor
    return PerformanceResult(found, metric.unit, validity, measured)


def check_performance(
    frame: Frame, place: ResultPlace, scenario: str, benchmark: Benchmark
) -> tuple[list[Finding], DetailLog | None]:
    """Check the performance run of a result; give its detail log too, if there is one."""
    folder = run_folder(frame, place)
    if not folder.is_dir():
        return [frame.finding(folder, "performance-missing", "there is no performance run", RERUN)], None
    detail = scan_detail(folder / DETAIL_FILE)
    return list(_findings(frame, place, scenario, benchmark, detail)), detail


def _findings(
    frame: Frame, place: ResultPlace, scenario: str, benchmark: Benchmark, detail: DetailLog
) -> Iterator[Finding]:
    folder = run_folder(frame, place)
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
    elif performance_result(frame, scenario, detail).value is None and not detail.missing:
        problem = "gives no result: LoadGen could not estimate it"
        yield frame.finding(path, "no-metric", problem, "raise min_query_count and run again")
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
