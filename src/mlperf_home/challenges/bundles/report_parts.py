"""The sections of a challenge's report, for people.

Verification recomputes these texts: other words would refuse the bundles of earlier versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.rendering import Part, table_part, value_text
from mlperf_home.contracts.codec import encode
from mlperf_home.latencies.over_time import draw
from mlperf_home.measurements.run_times import SESSION_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.challenges.report import (
        ChallengeReport,
        ReportedExploration,
        ReportedMetric,
        ReportedResult,
    )
    from mlperf_home.contracts.challenges.run import Estimate


def report_parts(report: ChallengeReport) -> list[Part]:
    """Return the sections of a challenge's report."""
    workflows = [(each.name, each.status, each.error) for each in report.workflows]
    required = [(each.workflow, each.wanted, each.here, each.missing or "nothing") for each in report.required]
    machine = [(key, value_text(value)) for key, value in sorted(encode(report.machine).items())]
    return [
        _heading(report),
        *_results(report.results),
        *map(_front, report.explorations),
        Part("Workflows", (), ("workflow", "ended", "because"), workflows),
        Part("Machine", (), ("", ""), machine),
        Part("Requirements", (), ("of", "wanted", "here", "missing"), required),
        Part("Expected time", (), ("of", "hours", "how"), list(map(_expected, report.expected))),
        *table_part("Not as locked", ("difference",), [(line,) for line in report.lock_differences]),
    ]


def _heading(report: ChallengeReport) -> Part:
    terms, differing = report.challenge, len(report.lock_differences)
    rows = [
        ("challenge", terms.name),
        ("open", f"{terms.opened} to {terms.closed}"),
        ("made", f"{report.made_utc}, when it was {report.state}"),
        ("locked", f"{differing} differences" if differing else "as locked"),
        ("mlperf-home", report.version),
    ]
    return Part("What this is", list(_notices(report)), ("", ""), rows)


def _notices(report: ChallengeReport) -> Iterator[str]:
    if report.sample:
        yield "SAMPLE: made-up data and toy models, no MLPerf result"
    elif any(row.sample for row in report.results):
        yield "SAMPLE: results in it were made with made-up data, and are no MLPerf results"
    if report.counts:
        yield f"It counts for the challenge: {report.challenge.points} points"
    else:
        yield f"It does not count for the challenge: {'; '.join(report.counts_not_because)}"


def _results(results: Sequence[ReportedResult]) -> Iterator[Part]:
    """Yield the results of each benchmark as a table."""
    for benchmark in dict.fromkeys(row.benchmark for row in results):
        rows = [row for row in results if row.benchmark == benchmark]
        names = [cell.name for cell in rows[0].metrics]
        header = ("workflow", "model", "scenario", "engine", *names, "LoadGen says", "remarks")
        pictures = [draw(row.over_time, _caption(row), inline=True) for row in rows if row.over_time is not None]
        yield Part(f"Results: {benchmark}", (), header, list(map(_cells, rows)), pictures)
    if not results:
        yield Part("Results", ["there is none"])


def _cells(row: ReportedResult) -> tuple[str, ...]:
    metrics = [f"{value_text(cell.value)}{_interval(cell)}" for cell in row.metrics]
    remarks = "; ".join([*row.unofficial_because, *(f"noisy: {each}" for each in row.noisy)])
    validity = row.validity or "no performance run"
    return (row.workflow, value_text(row.model), row.scenario, row.engine, *metrics, validity, remarks)


def _interval(cell: ReportedMetric) -> str:
    low, high = cell.interval or (0.0, 0.0)
    return f" ({low:.5g} to {high:.5g}, {SESSION_ONLY})" if cell.interval else ""


def _caption(row: ReportedResult) -> str:
    return f"{'SAMPLE: ' if row.sample else ''}{row.workflow}, {value_text(row.model)}, {row.scenario}"


def _front(answer: ReportedExploration) -> Part:
    work = "" if answer.work_share is None else f"; {100 * answer.work_share:.1f} % of the exhaustive work"
    notice = f"{answer.undecided} undecided, {answer.dropped} dropped{work}"
    names = list(dict.fromkeys(name for point in answer.front for name in point.values))
    rows = [(point.point, *(value_text(point.values.get(name)) for name in names)) for point in answer.front]
    return Part(f"Front: {answer.experiment}", [notice], ("point", *names), rows)


def _expected(estimate: Estimate) -> tuple[str, str, str]:
    hours = "not known" if estimate.hours is None else f"{estimate.hours:.2f} (estimated)"
    measured = "" if estimate.sample_ms is None else f"measured: {estimate.sample_ms:.4g} ms a sample; "
    return (estimate.workflow, hours, measured + estimate.how)
