"""Every failed model is reported; no reason is repeated."""

from __future__ import annotations

from mlperf_home.steps.reports import failure_rows, failure_summary
from scriptgraph.api import DependencyFailure


def failed(name: str, error: str, *way: str) -> DependencyFailure:
    return DependencyFailure({"CM_ML_MODEL_FAMILY": "net", "CM_ML_MODEL_VARIATION": name}, "x", error, way)


def test_a_reason_is_reported_once_with_its_models() -> None:
    failures = [failed("a,_b", "no room: none"), failed("c", "no room: none"), failed("d", "another")]

    assert failure_rows(failures) == [
        ("net a,_b", "no room: none"),
        ("net c", "the same as above"),
        ("net d", "another"),
    ]
    summary = failure_summary(failures)
    assert summary.endswith("again: net a,_b and net c: no room: none; net d: another")
    assert summary.startswith("3 of the models failed")


def test_equal_errors_on_different_ways_are_one_reason() -> None:
    failures = [failed(name, "no room", "x", way) for name, way in ("ay", "bz")]

    assert failure_rows(failures)[1] == ("net b", "the same as above")
    assert failure_summary(failures).endswith("again: net a and net b: no room (on the way: x > y)")


def test_a_summary_of_many_models_or_reasons_is_short() -> None:
    alike = failure_summary([failed(str(number), "the same") for number in range(81)])
    assert alike.endswith("again: net 0 and 80 others in the table: the same")

    unlike = failure_summary([failed(str(number), f"reason {number}") for number in range(81)])
    assert unlike.endswith("net 2: reason 2; 78 other reasons in the table")
