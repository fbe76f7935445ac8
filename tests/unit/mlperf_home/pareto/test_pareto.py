"""Fronts and hypervolumes are those that the definitions give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlperf_home.pareto.arrays import dominates, front, hypervolume


def tables(most: int) -> st.SearchStrategy[np.ndarray]:
    """Few values, so that ties are common; two to four metrics."""
    cell = st.integers(0, 4).map(float)
    return st.integers(2, 4).flatmap(
        lambda count: arrays(float, st.tuples(st.integers(0, most), st.just(count)), elements=cell)
    )


def by_definition(values: np.ndarray, directions: tuple[str, ...]) -> list[bool]:
    return [not any(dominates(other, each, directions) for other in values) for each in values]


def test_dominance_wants_one_better_and_none_worse() -> None:
    assert dominates((1.0, 70.0), (1.0, 69.0), ("min", "max"))
    assert not dominates((1.0, 70.0), (1.0, 70.0), ("min", "max"))
    assert not dominates((1.0, 70.0), (0.9, 69.0), ("min", "max"))


@given(tables(12))
def test_a_front_is_what_nothing_dominates(values: np.ndarray) -> None:
    directions = ("min", "max", "min", "max")[: values.shape[1]]

    assert front(values, directions).tolist() == by_definition(values, directions)


@given(tables(6))
def test_a_hypervolume_is_the_cells_that_are_dominated(values: np.ndarray) -> None:
    count = values.shape[1]
    cells = itertools.product(range(5), repeat=count)
    expected = sum(any((value <= cell).all() for value in values) for cell in map(np.array, cells))

    assert hypervolume(values, [5.0] * count, ("min",) * count) == pytest.approx(expected)


def test_a_hypervolume_turns_what_is_to_be_high() -> None:
    assert hypervolume([(1.0, 3.0), (2.0, 4.0)], (4.0, 0.0), ("min", "max")) == pytest.approx(3 * 3 + 2 * 1)


def test_what_is_beyond_the_reference_adds_nothing() -> None:
    assert hypervolume([(5.0, 9.0)], (4.0, 0.0), ("min", "max")) == 0.0
    assert hypervolume([], (4.0, 0.0), ("min", "max")) == 0.0


@pytest.mark.parametrize(
    ("values", "directions", "message"),
    [
        ([(1.0, 2.0)], ("min", "up"), "a direction is min or max, got 'up'"),
        ([(1.0,)], ("min",), "two metrics"),
        ([(1.0, 2.0, 3.0)], ("min", "max"), "expected values of shape"),
        ([(1.0, 2.0), (float("nan"), 2.0)], ("min", "max"), "point 1 has a metric that is not a number"),
    ],
)
def test_what_has_no_front_is_refused(
    values: list[tuple[float, ...]], directions: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        front(values, directions)


def test_a_hundred_thousand_points_of_three_metrics() -> None:
    values = np.random.default_rng(1).random((100_000, 3))
    found = values[front(values, ("min", "min", "min"))]

    assert 0 < len(found) < 1000
    assert front(found, ("min", "min", "min")).all()
