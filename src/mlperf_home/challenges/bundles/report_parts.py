"""The sections of a challenge's report, for people.

Verification recomputes these texts: other words would refuse the bundles of earlier versions, whose form
`first_form` keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.front_figure import FigurePoint, front_figure
from mlperf_home.challenges.bundles.rendering import Part, table_part, value_text
from mlperf_home.contracts.codec import encode
from mlperf_home.latencies.over_time import draw
from mlperf_home.measurements.run_times import SESSION_ONLY
from mlperf_home.pictures.picture import axis, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.challenges.contributor import Contributor
    from mlperf_home.contracts.challenges.report import (
        ChallengeReport,
        ReportedExploration,
        ReportedMetric,
        ReportedResult,
    )
    from mlperf_home.contracts.challenges.run import Estimate

_PLANE, _MOST_NOISY = 2, 5


def report_parts(report: ChallengeReport, contributor: Contributor | None = None) -> list[Part]:
    """Return the sections of a challenge's report: the answer, fronts and results, then how they were made.

    A bundle's report has no name of a person; the one beside the bundle has that of its `contributor`.
    """
    workflows = [(each.name, each.status, each.error) for each in report.workflows]
    required = [(each.workflow, each.wanted, each.here, each.missing or "nothing") for each in report.required]
    machine = [(key, value_text(value)) for key, value in sorted(encode(report.machine).items())]
    return [
        Part("", list(notices_of(report)), lead=_answer(report)),
        *map(_front, report.explorations),
        *_results(report.results),
        Part("This run", rows=heading_rows(report, contributor)),
        Part("Workflows", (), ("workflow", "ended", "because"), workflows),
        Part("Machine", rows=machine),
        Part("Requirements", (), ("of", "wanted", "here", "missing"), required),
        Part("Expected time", (), ("of", "hours", "how"), list(map(expected_cells, report.expected))),
        *table_part("Not as locked", ("difference",), [(line,) for line in report.lock_differences]),
    ]


def _answer(report: ChallengeReport) -> str:
    """Return one sentence: the machine, the number of results, and the front."""
    valid = sum(each.validity == "VALID" for each in report.results)
    results = f"{len(report.results)} result{'s' if len(report.results) != 1 else ''}, {valid} of them VALID"
    cpu = encode(report.machine).get("cpu_model")
    parts = [f"{cpu or 'This machine'}: {results}"]
    for each in report.explorations:
        if each.front:
            ends = " to ".join(dict.fromkeys((each.front[0].point, each.front[-1].point)))
            parts.append(f"the front of {each.experiment} has {len(each.front)} points, from {ends}")
    return f"{'; '.join(parts)}."


def heading_rows(report: ChallengeReport, name: Contributor | None = None) -> list[tuple[str, str]]:
    """Return the facts of the run."""
    terms, differing = report.challenge, len(report.lock_differences)
    return [
        ("challenge", terms.name),
        ("open", f"{terms.opened} to {terms.closed}"),
        ("made", f"{report.made_utc}, when it was {report.state}"),
        *_sender_rows(report, name),
        ("locked", f"{differing} differences" if differing else "as locked"),
        ("mlperf-home", report.version),
    ]


def _sender_rows(report: ChallengeReport, name: Contributor | None) -> list[tuple[str, str]]:
    """Return who sends the bundle; a report of version 0.1 tells nothing."""
    sender = report.sender
    rows = [("replays", f"the bundle {report.repeats}")] if report.repeats else []
    if sender is None:
        return rows
    contributor = f"contributor-{sender.contributor[:12]}" if sender.contributor else "unnamed"
    contributor = f"{name.name} {name.link}".strip() if name else contributor
    return [*rows, ("system", sender.system), ("contributor", contributor), ("key", sender.key or "not signed")]


def notices_of(report: ChallengeReport) -> Iterator[str]:
    """Yield whether it is a sample, and whether it counts."""
    if report.sample:
        yield "SAMPLE: made-up data and toy models, no MLPerf result"
    elif any(row.made_up for row in report.results):
        yield "SAMPLE: results in it were made with made-up data, and are no MLPerf results"
    if any(row.latency_only for row in report.results):
        yield "LATENCY ONLY: accuracies are copied from others, and such results are no MLPerf results"
    if report.counts:
        yield f"It counts for the challenge: {report.challenge.points} points"
    else:
        yield f"It does not count for the challenge: {'; '.join(report.counts_not_because)}"


def _results(results: Sequence[ReportedResult]) -> Iterator[Part]:
    """Yield the results of each benchmark as a table; remarks are stated once above it."""
    for benchmark in dict.fromkeys(row.benchmark for row in results):
        rows = [row for row in results if row.benchmark == benchmark]
        names = [in_words(axis(cell.name)) for cell in rows[0].metrics]
        header = ("workflow", "model", "scenario", "engine", *names, "LoadGen says", "noisy")
        pictures = [draw(row.over_time, _caption(row), inline=True) for row in rows if row.over_time is not None]
        cells = list(map(_cells, rows))
        yield Part(f"Results: {benchmark}", (), header, cells, remarks=_remarks(rows), pictures=pictures)
    if not results:
        yield Part("Results", ["there is none"])


def _remarks(rows: Sequence[ReportedResult]) -> list[str]:
    """Return each reason once, with the models that it is about if these are not all."""
    about: dict[str, list[str]] = {}
    for row in rows:
        for reason in row.unofficial_because:
            about.setdefault(reason, []).append(value_text(row.model))
    shared = [reason for reason, models in about.items() if len(models) == len(rows)]
    own = [f"{', '.join(models)}: {reason}." for reason, models in about.items() if reason not in shared]
    noisy = [f"{value_text(row.model)}: noisy, {'; '.join(row.noisy)}." for row in rows if row.noisy]
    left = [f"{len(noisy) - _MOST_NOISY} more are noisy."] if len(noisy) > _MOST_NOISY else []
    return [*([f"Not official: {'; '.join(shared)}."] if shared else []), *own, *noisy[:_MOST_NOISY], *left]


def _cells(row: ReportedResult) -> tuple[str, ...]:
    copied = [" (copied)" if row.latency_only and cell.origin == "copied" else "" for cell in row.metrics]
    values = zip(row.metrics, copied, strict=True)
    metrics = [f"{value_text(cell.value)}{mark}{_interval(cell)}" for cell, mark in values]
    validity, noisy = row.validity or "no performance run", "yes" if row.noisy else "no"
    return (row.workflow, value_text(row.model), row.scenario, row.engine, *metrics, validity, noisy)


def _interval(cell: ReportedMetric) -> str:
    low, high = cell.interval or (0.0, 0.0)
    return f" ({low:.5g} to {high:.5g}, {SESSION_ONLY})" if cell.interval else ""


def _caption(row: ReportedResult) -> str:
    return f"{'SAMPLE: ' if row.made_up else ''}{row.workflow}, {value_text(row.model)}, {row.scenario}"


def _front(answer: ReportedExploration) -> Part:
    work = "" if answer.work_share is None else f"; {100 * answer.work_share:.1f} % of the exhaustive work"
    remark = f"{answer.undecided} undecided, {answer.dropped} dropped{work}"
    names = list(dict.fromkeys(name for point in answer.front for name in point.values))
    labels = [in_words(axis(name)) for name in names]
    rows = [(point.point, *(value_text(point.values.get(name)) for name in names)) for point in answer.front]
    figure = ""
    if len(names) == _PLANE and all(len(point.values) == _PLANE for point in answer.front):
        points = [FigurePoint(point.point, *(float(point.values[name]) for name in names)) for point in answer.front]
        figure = front_figure(points, *labels)
    return Part(f"Front: {answer.experiment}", (), ("point", *labels), rows, remarks=[remark], figure=figure)


def expected_cells(estimate: Estimate) -> tuple[str, str, str]:
    """Return the row of an expected time."""
    hours = "not known" if estimate.hours is None else f"{estimate.hours:.2f} (estimated)"
    measured = "" if estimate.sample_ms is None else f"measured: {estimate.sample_ms:.4g} ms a sample; "
    return (estimate.workflow, hours, measured + estimate.how)
