"""Fronts and hypervolumes agree with their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_home.pareto.front import dominates, front, hypervolume

CELL = st.integers(0, 4).map(float)
TABLES = st.integers(2, 4).flatmap(lambda count: st.lists(st.tuples(*[CELL] * count), min_size=1, max_size=6))
"""Points with two to four metrics and many ties."""


def test_dominance_needs_one_better_and_none_worse() -> None:
    assert dominates((1.0, 70.0), (1.0, 69.0), ("min", "max"))
    assert not dominates((1.0, 70.0), (1.0, 70.0), ("min", "max"))
    assert not dominates((1.0, 70.0), (0.9, 69.0), ("min", "max"))


@given(TABLES)
def test_hypervolume_counts_the_dominated_cells(values: list[tuple[float, ...]]) -> None:
    count = len(values[0])
    cells = itertools.product(range(5), repeat=count)
    expected = sum(any(all(v <= c for v, c in zip(value, cell, strict=True)) for value in values) for cell in cells)

    assert hypervolume(values, [5.0] * count, ("min",) * count) == pytest.approx(expected)


def test_hypervolume_of_a_metric_to_maximise() -> None:
    assert hypervolume([(1.0, 3.0), (2.0, 4.0)], (4.0, 0.0), ("min", "max")) == pytest.approx(3 * 3 + 2 * 1)


def test_points_beyond_the_reference_add_nothing() -> None:
    assert hypervolume([(5.0, 9.0)], (4.0, 0.0), ("min", "max")) == 0.0
    assert hypervolume([], (4.0, 0.0), ("min", "max")) == 0.0


@pytest.mark.parametrize(
    ("values", "directions", "message"),
    [
        ([(1.0, 2.0)], ("min", "up"), "a direction must be min or max, got 'up'"),
        ([(1.0,)], ("min",), "two metrics"),
        ([(1.0, 2.0, 3.0)], ("min", "max"), "expected values of shape"),
        ([()], ("min", "max"), "expected values of shape"),
        ([(1.0, 2.0), (float("nan"), 2.0)], ("min", "max"), "point 1 has a metric that is not a number"),
    ],
)
def test_invalid_points_are_refused(values: list[tuple[float, ...]], directions: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        front(values, directions)


@pytest.mark.parametrize("metrics", [2, 3, 4])
def test_infinite_values_are_compared(metrics: int) -> None:
    worst = (math.inf,) * metrics

    assert front([worst], ("min",) * metrics) == [True]
    assert front([(*worst[1:], 1.0), worst], ("min",) * metrics) == [True, False]


def test_front_of_no_points_is_empty() -> None:
    assert front([], ("min", "max")) == []


def test_front_of_many_points() -> None:
    values = np.random.default_rng(1).random((100_000, 3)).tolist()
    found = [point for point, keep in zip(values, front(values, ("min", "min", "min")), strict=True) if keep]

    assert 0 < len(found) < 1000
    assert all(front(found, ("min", "min", "min")))
