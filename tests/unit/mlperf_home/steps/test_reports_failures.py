"""Each model that failed is named; no reason is told over and over."""

from __future__ import annotations

from mlperf_home.steps.reports import failure_rows, failure_words
from scriptgraph.api import DependencyFailure


def failed(name: str, error: str, *way: str) -> DependencyFailure:
    return DependencyFailure({"CM_ML_MODEL_FAMILY": "net", "CM_ML_MODEL_VARIATION": name}, "x", error, way)


def test_a_reason_is_told_once_with_the_models_that_it_stopped() -> None:
    failures = [failed("a,_b", "no room: none"), failed("c", "no room: none"), failed("d", "another")]

    assert failure_rows(failures) == [
        ("net a,_b", "no room: none"),
        ("net c", "as the one above"),
        ("net d", "another"),
    ]
    said = failure_words(failures)
    assert said.endswith("again: net a,_b and net c: no room: none; net d: another")
    assert said.startswith("3 of the models failed")


def test_reasons_that_differ_in_the_way_alone_are_one() -> None:
    failures = [failed(name, "no room", "x", way) for name, way in ("ay", "bz")]

    assert failure_rows(failures)[1] == ("net b", "as the one above")
    assert failure_words(failures).endswith("again: net a and net b: no room (on the way: x > y)")


def test_a_line_stays_a_line_with_many_models_or_reasons() -> None:
    alike = failure_words([failed(str(number), "the same") for number in range(81)])
    assert alike.endswith("again: net 0 and 80 others, which the table names: the same")

    unlike = failure_words([failed(str(number), f"reason {number}") for number in range(81)])
    assert unlike.endswith("net 2: reason 2; 78 other reasons, which the table names")
