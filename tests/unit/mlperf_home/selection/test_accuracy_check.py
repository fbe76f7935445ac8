"""The F1 of some questions has an interval, and only a clear miss fails."""

from __future__ import annotations

import pytest

from mlperf_home.selection.accuracy_check import estimate_of


def test_an_estimate_is_the_mean_with_its_interval() -> None:
    estimate = estimate_of([1.0] * 90 + [0.0] * 10)

    assert estimate.percent == pytest.approx(90)
    assert estimate.low == pytest.approx(84, abs=1)
    assert estimate.high == pytest.approx(96, abs=1)
    assert estimate.words.endswith("on 100 questions")


def test_equal_scores_are_not_certain() -> None:
    estimate = estimate_of([1.0] * 20)

    assert estimate.percent == 100
    assert 85 < estimate.low < 95


def test_more_questions_narrow_the_interval() -> None:
    few, many = (estimate_of([1.0, 0.8] * count) for count in (10, 200))

    assert many.high - many.low < (few.high - few.low) / 3
