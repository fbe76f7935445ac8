"""The report of a challenge's run: results by the challenge's metrics, what failed, what it was made with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.machine_values import NOISY
from mlperf_home.measurements.measurement import from_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge, Metric
    from mlperf_home.measurements.measurement import Measurement

SCHEMA = "mlperf-home/challenge-report/1"
MEASUREMENTS = "results/*/*_results/*/*/*/measurement.json"
KEPT_MEASUREMENTS = "experiments/*/results/*_results/*/*/*/measurement.json"
"""Of the whole runs that explorations have kept."""
ANSWERS = "experiments/*/answer.json"


class ReportError(LocatedError):
    """Something that a report tells of cannot be read."""


def result_rows(root: Path, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """Give the results below a folder, the best by the first metric of their benchmark first.

    Raises:
        MeasurementError: a measurement cannot be read.
    """
    rows = []
    for path in sorted([*root.glob(MEASUREMENTS), *root.glob(KEPT_MEASUREMENTS)]):
        measurement = from_json(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
        wanted = [metric for metric in metrics if metric.benchmark == measurement.benchmark]
        rows.append(_result_row(path.relative_to(root).as_posix(), measurement, wanted))
    return sorted(rows, key=lambda row: (row["benchmark"], row["scenario"], _rank(row), row["workflow"], row["path"]))


def _result_row(path: str, measurement: Measurement, metrics: Sequence[Metric]) -> dict[str, Any]:
    return {
        "path": path,
        "workflow": path.split("/")[1],  # or the experiment
        "benchmark": measurement.benchmark,
        "scenario": measurement.scenario,
        "model": measurement.model["name"].value,
        "engine": f"{measurement.engine['name'].value} {measurement.engine['version'].value}",
        "sample": measurement.sample,
        "validity": measurement.validity,
        "unofficial_because": list(measurement.unofficial_because),
        "noisy": [each.removeprefix(NOISY) for each in measurement.warnings if each.startswith(NOISY)],
        "metrics": [_metric_cell(measurement, metric) for metric in metrics],
    }


def _metric_cell(measurement: Measurement, metric: Metric) -> dict[str, Any]:
    found = measurement.values.get(metric.name)
    value = found.value if found else None
    origin = found.origin if found else "unknown"
    return {"name": metric.name, "better": metric.better, "value": value, "origin": origin}


def _rank(row: Mapping[str, Any]) -> float:
    first = next((cell for cell in row["metrics"] if isinstance(cell["value"], int | float)), None)
    if first is None:
        return float("inf")
    return -float(first["value"]) if first["better"] == "more" else float(first["value"])


def exploration_rows(root: Path) -> list[dict[str, Any]]:
    """Give what explorations below a folder have answered: the front, how many are undecided, and the work.

    Raises:
        ReportError: an answer cannot be read.
    """
    return [_exploration_row(path, root) for path in sorted(root.glob(ANSWERS))]


def _exploration_row(path: Path, root: Path) -> dict[str, Any]:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
        return {
            "path": path.relative_to(root).as_posix(),
            "experiment": path.parent.name,
            "sample": bool(answer.get("sample", False)),
            "front": [{"point": each["point"], "values": each["values"]} for each in answer["front"]],
            "undecided": len(answer["undecided"]),
            "dropped": len(answer["dropped"]),
            "work_share": answer["work"].get("share"),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "explore again, or remove the experiment"
        raise ReportError(path, f"is no exploration's answer ({error!r})", advice) from None


def make_report(challenge: Challenge, root: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give the report as JSON.

    Args:
        challenge: the challenge.
        root: the folder with `results/` and `experiments/`.
        facts: what the run knows besides: see `bundle.stage`.

    Raises:
        MeasurementError: a measurement cannot be read.
        ReportError: an answer cannot be read.
    """
    results = result_rows(root, challenge.metrics)
    return {
        "schema": SCHEMA,
        "challenge": {
            "name": challenge.name,
            "title": challenge.title,
            "opened": challenge.opened.isoformat(),
            "closed": challenge.closed.isoformat(),
            "points": challenge.points,
        },
        **facts,
        "counts": not (why := why_not_counted(facts, results)),
        "counts_not_because": why,
        "results": results,
        "explorations": exploration_rows(root),
    }


def why_not_counted(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what keeps a run from counting for its challenge; empty if nothing does."""
    why = []
    if facts["sample"]:
        why.append("it was made with sample data: nothing in it is an MLPerf result")
    elif any(row["sample"] for row in results):
        why.append("results in it were made with sample data: those are no MLPerf results")
    if facts["state"] != "open":
        why.append(f"the challenge was {facts['state']} when it was made")
    if facts["lock_differences"]:
        why.append(f"it was not made with what is locked: {len(facts['lock_differences'])} differences")
    if facts["extra_options"]:
        why.append(f"options were added to its commands: {facts['extra_options']}")
    if not any(row["validity"] == "VALID" and not row["unofficial_because"] for row in results):
        why.append("no result in it is an official one")
    return why
