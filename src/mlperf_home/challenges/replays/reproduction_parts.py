"""The parts of a replay's report, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.forms import Part, listed, number
from mlperf_home.challenges.replays.reproduction import FUNCTIONAL, NOT_REPRODUCED, REPRODUCED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.contracts.reproduction import ComparedValue, ReplayedFront, ReplayedResult, Reproduction

MEANING = {
    REPRODUCED: "every result is there again, as valid as it was, and every value agrees",
    FUNCTIONAL: "every result is there again, as valid as it was, but not every value agrees",
    NOT_REPRODUCED: "a result is missing or is not valid any more, or a workflow failed that had ended well",
}


def reproduction_parts(report: Reproduction) -> list[Part]:
    """Return the parts of the report for people."""
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
    header = ("workflow", "model", "scenario", "value", "then", "now", "agree", "rule")
    return [
        Part("Verdict", [*sample, f"{word}: {MEANING[report.verdict]}"], ("", ""), head),
        Part("Results", (), header, values),
        *listed("Fronts", ("experiment", "only then", "both", "only now"), list(map(_front, report.explorations))),
        *listed("Workflows that failed", ("workflow", "because"), [*report.failed.items()]),
        *listed("Plan and versions that differ", ("difference",), [(each,) for each in report.plan_differences]),
        *listed("Machines differ in", ("difference",), [(each,) for each in report.machine_differences]),
        *listed("Only in the replay", ("result",), [(each,) for each in report.only_now]),
    ]


def _front(each: ReplayedFront) -> tuple[str, str, str, str]:
    if each.now is None:
        return (each.experiment, number(each.then), "", "missing")
    only = [[point for point in points if point not in each.both] for points in (each.then, each.now)]
    return (each.experiment, number(only[0]), number(each.both), number(only[1]))


def _value_rows(each: ReplayedResult) -> Iterator[tuple[str, ...]]:
    where = (each.workflow, each.model, each.scenario)
    then, now = (number(word) for word in each.validity)
    if not each.there:
        yield (*where, "result", then, "missing", "no", "it must be there again")
        return
    noisy = f"noisy {' and '.join(each.noisy)}" if each.noisy else "as valid as it was"
    yield (*where, "validity", then, now, number(each.as_valid), noisy)
    for value in each.values:
        yield (*where, value.metric, *_cells(value), number(value.agree), value.rule)


def _cells(value: ComparedValue) -> Iterator[str]:
    for known, interval in ((value.then, value.then_interval), (value.now, value.now_interval)):
        low, high = interval or (0, 0)
        yield number(known) + ("" if low == high else f" ({number(low)} to {number(high)})")
