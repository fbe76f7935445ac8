"""What a user sees of a check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.submission.check.tree.models import SCENARIO_MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.submission.check.report import CheckReport, ResultRow
    from mlperf_home.submission.check.tree.places import Finding

_UNITS = {"samples_per_second": "samples/s", "latency_ms": "ms"}


def result_rows(report: CheckReport) -> list[tuple[str, str]]:
    """Give a label and a text for each result, in the order of their places, then for each model what is missing."""
    missing = [(Path(each.path).name, each.problem) for each in report.findings if each.rule == SCENARIO_MISSING]
    return [*((f"{row.model}, {row.scenario}", _told(row)) for row in report.results), *missing]


def _told(row: ResultRow) -> str:
    parts = [
        f"{row.value:.6g} {_UNITS.get(row.unit, row.unit)}" if row.value is not None else "no result",
        f"accuracy {row.accuracy_percent:g} %" if row.accuracy_percent is not None else "no accuracy",
        row.valid or "no verdict",
    ]
    if row.benchmark not in (None, row.model):
        parts.insert(0, f"{row.benchmark}:")
    if row.inferred_from:
        parts.append(f"inferred from {row.inferred_from}")
    if row.sample:
        parts.append("SAMPLE, no MLPerf result")
    if row.errors:
        parts.append(f"{row.errors} finding{'s' if row.errors > 1 else ''} in the way")
    return ", ".join(parts).replace(":,", ":")


def grouped(findings: Sequence[Finding]) -> list[str]:
    """Give one line for each finding, and one for all that say the same of several files, with the first of them."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.rule, finding.problem, finding.remedy), []).append(finding.path)
    return [f"{_where(paths)}: {problem}; {remedy} [{rule}]" for (rule, problem, remedy), paths in places.items()]


def _where(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def summary(report: CheckReport) -> str:
    """Say in one line how many findings there are."""
    errors, notes = len(report.errors), len(report.notes)
    found = f"{errors} finding{'' if errors == 1 else 's'} in the way" if errors else "nothing in the way"
    return f"{len(report.results)} results, {found}, {notes} note{'' if notes == 1 else 's'}"


def report_text(report: CheckReport) -> str:
    """Write all findings, those in the way first."""
    lines = [f"error: {finding}" for finding in report.errors] + [f"note: {finding}" for finding in report.notes]
    return "\n".join([*lines, summary(report), ""])
