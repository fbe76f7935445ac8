"""Each model that failed is named; no reason is told over and over."""

from __future__ import annotations

from mlperf_home.steps.reports import failure_rows, failure_words
from scriptgraph.errors import StepFailed


def test_a_reason_is_told_once_with_the_models_that_it_stopped() -> None:
    lines = ["net a,_b: no room: none", "net c: no room: none", "net d: another"]

    assert failure_rows(lines) == [
        ("net a,_b", "no room: none"),
        ("net c", "as the one above"),
        ("net d", "another"),
    ]
    said = failure_words(lines)
    assert said.endswith("again: net a,_b and net c: no room: none; net d: another")
    assert said.startswith("3 of the models failed")


def test_reasons_that_differ_in_the_way_alone_are_one() -> None:
    lines = [f"net {name}: {StepFailed('no room').within(way).within('x').report()}" for name, way in ("ay", "bz")]

    assert failure_rows(lines)[1] == ("net b", "as the one above")
    assert failure_words(lines).endswith("again: net a and net b: no room [on the way: x > y]")


def test_a_line_stays_a_line_with_many_models_or_reasons() -> None:
    alike = failure_words([f"net {number}: the same" for number in range(81)])
    assert alike.endswith("again: net 0 and 80 others, which the table names: the same")

    unlike = failure_words([f"net {number}: reason {number}" for number in range(81)])
    assert unlike.endswith("net 2: reason 2; 78 other reasons, which the table names")
