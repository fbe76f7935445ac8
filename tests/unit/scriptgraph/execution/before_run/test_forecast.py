"""The expected duration of a run comes from estimates and earlier runs, and follows what happens."""

from __future__ import annotations

import pytest

from scriptgraph.execution.before_run.forecast import Forecast, ForecastPart
from scriptgraph.execution.durations import Bounds, bounds_text, duration_text

MEASURE = ForecastPart("measure", "performance", 100.0, 120.0)
UNKNOWN = ForecastPart("measure", "accuracy: no earlier run")


def test_the_parts_add_up() -> None:
    assert Forecast([MEASURE, ForecastPart("install", "install", 8.0, 8.0)]).before == Bounds(108.0, 128.0)


def test_a_part_without_bounds_is_named_and_not_counted() -> None:
    forecast = Forecast([MEASURE, UNKNOWN, UNKNOWN])

    assert forecast.before == Bounds(100.0, 120.0, ("accuracy: no earlier run",))
    assert bounds_text(forecast.before).startswith("at least ")


def test_a_lower_bound_counts_alone() -> None:
    assert Forecast([ForecastPart("x", "performance", 600.0)]).before == Bounds(600.0, 600.0, ("performance",))


def test_equal_steps_are_expected_to_last_as_the_first() -> None:
    forecast = Forecast([UNKNOWN] * 3)

    forecast.ended("measure", 30.0, done=True, after_s=31.0)

    assert forecast.left() == Bounds(60.0, 60.0)
    assert forecast.as_document()["corrected"] == [{"after_s": 31.0, "left_low_s": 60.0, "left_high_s": 60.0}]


def test_estimates_are_scaled_by_how_they_were_met() -> None:
    forecast = Forecast([MEASURE, MEASURE])

    forecast.ended("measure", 220.0, done=True, after_s=0.0)

    assert forecast.left() == Bounds(220.0, 220.0)


def test_a_skipped_step_corrects_nothing_but_is_gone() -> None:
    forecast = Forecast([MEASURE, MEASURE])

    forecast.ended("measure", 0.1, done=False, after_s=0.0)

    assert forecast.left() == Bounds(100.0, 120.0)


def test_an_unexpected_step_changes_nothing() -> None:
    forecast = Forecast([MEASURE])

    forecast.ended("another", 5.0, done=True, after_s=0.0)

    assert forecast.left() == forecast.before


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (119, "119 s"), (120, "2 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (187_200, "2 days 4 h")],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (Bounds(), "unknown"),
        (Bounds(100.0, 110.0), "about 105 s"),
        (Bounds(600.0, 7200.0), "10 min to 2 h"),
        (Bounds(600.0, 600.0, ("x",)), "at least 10 min"),
    ],
)
def test_bounds_are_one_figure_where_they_are_close(bounds: Bounds, text: str) -> None:
    assert bounds_text(bounds) == text
