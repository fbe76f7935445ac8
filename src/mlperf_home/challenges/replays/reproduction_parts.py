"""The sections of a replay's report, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.rendering import Part, table_part, value_text
from mlperf_home.challenges.replays.reproduction import INCONCLUSIVE, NOT_REPRODUCED, REPRODUCED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.contracts.challenges.reproduction import ReplayedFront, ReplayedResult, Reproduction

MEANING = {
    REPRODUCED: "every result was measured again with the same validity, and every value is the same",
    NOT_REPRODUCED: "a value differs, a result is missing or has another validity, or a workflow failed that had"
    " succeeded",
    INCONCLUSIVE: "every result was measured again with the same validity, and no value differs, but the runs are too"
    " noisy or too few to tell that all are the same",
}


def reproduction_parts(report: Reproduction) -> list[Part]:
    """Return the sections of the report."""
    sample = ["SAMPLE: made-up data and toy models, no MLPerf result"] if report.sample else []
    head = [
        ("challenge", report.challenge),
        ("bundle", report.bundle),
        ("made", report.made_utc),
        ("signature", report.signature),
        ("replayed", report.replayed_utc),
        ("repetitions", str(report.repeats)),
    ]
    values = [cells for each in report.results for cells in _value_rows(each)]
    header = ("workflow", "model", "scenario", "value", "then", "now", "now to then", "verdict", "rule")
    return [
        Part("", sample, lead=f"{report.verdict}: {MEANING[report.verdict]}{_more_runs(report)}"),
        Part("Results", (), header, values),
        Part("This replay", rows=head),
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


def _more_runs(report: Reproduction) -> str:
    """Return advice on the number of repetitions, if more of them would decide an inconclusive replay."""
    values = [value for each in report.results for value in each.values if value.verdict == INCONCLUSIVE]
    if report.verdict != INCONCLUSIVE or not values:
        return ""
    runs = [value.runs for value in values]
    known = [each for each in runs if each is not None]
    if len(known) < len(runs):
        return "; replay on a quieter machine"
    return f"; replay by --repeats={max(known)}, or on a quieter machine"


def _value_rows(result: ReplayedResult) -> Iterator[tuple[str, ...]]:
    where = (result.workflow, result.model, result.scenario)
    then, *now = (value_text(word) for word in result.validity)
    validities = ", ".join(dict.fromkeys(now))
    if not result.there:
        yield (*where, "result", then, "missing", "", NOT_REPRODUCED, "each repetition must have this result")
        return
    noisy = f"noisy {' and '.join(result.noisy)}" if result.noisy else "must be the same"
    yield (*where, "validity", then, validities, "", REPRODUCED if result.as_valid else NOT_REPRODUCED, noisy)
    for value in result.values:
        low, high = value.ratio_interval or (0.0, 0.0)
        ratio = f"{low:.3f} to {high:.3f}" if value.ratio_interval else ""
        values = ", ".join(dict.fromkeys(map(value_text, value.now)))
        yield (*where, value.metric, value_text(value.then), values, ratio, value.verdict, value.rule)
