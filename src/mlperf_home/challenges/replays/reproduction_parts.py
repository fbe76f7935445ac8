"""The sections of a replay's report, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.rendering import Part, table_part, value_text
from mlperf_home.challenges.replays.reproduction import FUNCTIONAL, NOT_REPRODUCED, REPRODUCED, TOO_NOISY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.contracts.challenges.reproduction import ComparedValue, ReplayedFront, ReplayedResult, Reproduction

MEANING = {
    REPRODUCED: "every result was measured again with the same validity, and every value agrees",
    FUNCTIONAL: "every result was measured again with the same validity, but not every value agrees",
    TOO_NOISY: "every result was measured again with the same validity, and no value differs, but some are too noisy to"
    " compare; replay on a quiet machine, or with longer runs",
    NOT_REPRODUCED: "a result is missing or has another validity, or a workflow failed that had succeeded",
}


def reproduction_parts(report: Reproduction) -> list[Part]:
    """Return the sections of the report."""
    sample = ["SAMPLE: made-up data and toy models, no MLPerf result"] if report.sample else []
    word = report.verdict if report.verdict != NOT_REPRODUCED else "not reproduced"
    head = [
        ("challenge", report.challenge),
        ("bundle", report.bundle),
        ("made", report.made_utc),
        ("signature", report.signature),
        ("replayed", report.replayed_utc),
    ]
    values = [cells for each in report.results for cells in _value_rows(each)]
    header = ("workflow", "model", "scenario", "value", "then", "now", "verdict", "rule")
    return [
        Part("Verdict", [*sample, f"{word}: {MEANING[report.verdict]}"], ("", ""), head),
        Part("Results", (), header, values),
        *table_part("Fronts", ("experiment", "only then", "both", "only now"), list(map(_front, report.explorations))),
        *table_part("Workflows that failed", ("workflow", "because"), [*report.failed.items()]),
        *table_part("Differences of plan and versions", ("difference",), [(each,) for each in report.plan_differences]),
        *table_part("Differences of the machines", ("difference",), [(each,) for each in report.machine_differences]),
        *table_part("Only in the replay", ("result",), [(each,) for each in report.only_now]),
    ]


def _front(front: ReplayedFront) -> tuple[str, str, str, str]:
    if front.now is None:
        return (front.experiment, value_text(front.then), "", "missing")
    only = [[point for point in points if point not in front.both] for points in (front.then, front.now)]
    return (front.experiment, value_text(only[0]), value_text(front.both), value_text(only[1]))


def _value_rows(result: ReplayedResult) -> Iterator[tuple[str, ...]]:
    where = (result.workflow, result.model, result.scenario)
    then, now = (value_text(word) for word in result.validity)
    if not result.there:
        yield (*where, "result", then, "missing", "differ", "the replay must have this result")
        return
    noisy = f"noisy {' and '.join(result.noisy)}" if result.noisy else "must be the same"
    yield (*where, "validity", then, now, "agree" if result.as_valid else "differ", noisy)
    for value in result.values:
        yield (*where, value.metric, *_cells(value), value.verdict, value.rule)


def _cells(value: ComparedValue) -> Iterator[str]:
    for known, interval in ((value.then, value.then_interval), (value.now, value.now_interval)):
        low, high = interval or (0, 0)
        yield value_text(known) + ("" if low == high else f" ({value_text(low)} to {value_text(high)})")
