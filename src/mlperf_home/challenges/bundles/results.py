"""Read the results in a run's folder or a bundle as rows of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.report import (
    AnswerOutline,
    ReportedExploration,
    ReportedMetric,
    ReportedPoint,
    ReportedResult,
)
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE
from mlperf_home.contracts.studies.answer import ANSWER_LIMITS
from mlperf_home.errors import LocatedError
from mlperf_home.latencies.over_time import over_time
from mlperf_home.latencies.series import read_series
from mlperf_home.measurements.latency_only import copied_values
from mlperf_home.measurements.layout import PERFORMANCE_DIR
from mlperf_home.measurements.measurement import NOISY, read_measurement, unknown
from mlperf_home.measurements.run_times import bounds
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import RankingMetric
    from mlperf_home.contracts.runs.latencies import TimesOverTime
    from mlperf_home.measurements.measurement import Measurement

MEASUREMENTS = "results/*/*_results/*/*/*/measurement.json"
KEPT_RESULTS = "results/*_results/*/*/*"
"""Results of complete runs, below an experiment's folder."""


class ReportError(LocatedError):
    """A source of a report cannot be read."""


def measurement_files(root: Path) -> list[Path]:
    """Return the measurements of workflows, and of the complete runs of explorations, below a folder."""
    return sorted([*root.glob(MEASUREMENTS), *root.glob(f"experiments/*/{KEPT_RESULTS}/measurement.json")])


def result_rows(root: Path, metrics: Sequence[RankingMetric]) -> tuple[ReportedResult, ...]:
    """Return the results, ordered by the benchmark's first metric. Raise MeasurementError if one is damaged."""
    rows = [_row(path, root, metrics) for path in measurement_files(root)]
    order = sorted(rows, key=lambda row: (row.benchmark, row.scenario, _rank(row), row.workflow, row.path))
    return tuple(order)


def _row(path: Path, root: Path, metrics: Sequence[RankingMetric]) -> ReportedResult:
    place = path.relative_to(root)
    measurement = read_measurement(path, place.as_posix())
    return ReportedResult(
        path=place.as_posix(),
        workflow=place.parts[1],  # or its experiment
        benchmark=measurement.benchmark,
        scenario=measurement.scenario,
        model=measurement.model["name"].value,
        engine=f"{measurement.engine['name'].value} {measurement.engine['version'].value}",
        sample=measurement.sample,
        validity=measurement.validity,
        unofficial_because=measurement.unofficial_because,
        noisy=tuple(each.removeprefix(NOISY) for each in measurement.warnings if each.startswith(NOISY)),
        metrics=tuple(_cell(each, measurement) for each in metrics if each.benchmark == measurement.benchmark),
        over_time=_over_time(path.parent / PERFORMANCE_DIR / LATENCIES_FILE),
        latency_only=bool(copied_values(measurement)),
    )


def _over_time(kept: Path) -> TimesOverTime | None:
    return over_time(read_series(kept)) if kept.is_file() else None


def _cell(metric: RankingMetric, measurement: Measurement) -> ReportedMetric:
    value = measurement.values.get(metric.name) or unknown("not in the measurement")
    return ReportedMetric(
        name=metric.name,
        better=metric.better,
        value=value.value,
        origin=value.origin,
        interval=bounds(measurement, metric.name),
    )


def _rank(row: ReportedResult) -> float:
    numbers = ((cell.value, cell.better) for cell in row.metrics if isinstance(cell.value, int | float))
    value, better = next(numbers, (float("inf"), "less"))
    return -float(value) if better == "more" else float(value)


def exploration_rows(root: Path) -> tuple[ReportedExploration, ...]:
    """Return the answers of explorations. Raise ReportError if one cannot be read."""
    return tuple(_exploration(path, root) for path in sorted(root.glob("experiments/*/answer.json")))


def _exploration(path: Path, root: Path) -> ReportedExploration:
    try:
        answer = read_document(path, AnswerOutline, ANSWER_LIMITS)
    except DocumentError as error:
        problem = f"is no exploration's answer ({error.pointer or 'the document'}: {error.problem})"
        raise ReportError(path, problem, "explore again, or remove the experiment's folder") from None
    return ReportedExploration(
        path=path.relative_to(root).as_posix(),
        experiment=path.parent.name,
        sample=answer.sample,
        front=tuple(ReportedPoint(point=each.point, values=each.values) for each in answer.front),
        undecided=len(answer.undecided),
        dropped=len(answer.dropped),
        work_share=answer.work.share,
    )
