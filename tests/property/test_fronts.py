"""A front equals its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_home.pareto.front import dominates, front

NUMBERS = st.integers(0, 6).map(float)


def better_or_equal(one: float, other: float, direction: str) -> bool:
    return one <= other if direction == "min" else one >= other


def beats(one: tuple[float, ...], other: tuple[float, ...], directions: tuple[str, ...]) -> bool:
    pairs = list(zip(one, other, directions, strict=True))
    return all(better_or_equal(*pair) for pair in pairs) and any(a != b for a, b, _ in pairs)


@pytest.mark.parametrize("metrics", [2, 3, 4])
@given(st.data())
def test_the_front_of_any_number_of_metrics_is_the_front(metrics: int, chosen: st.DataObject) -> None:
    points = chosen.draw(st.lists(st.tuples(*[NUMBERS] * metrics), max_size=40))
    directions = chosen.draw(st.tuples(*[st.sampled_from(["min", "max"])] * metrics))

    assert front(points, directions) == [not any(beats(other, each, directions) for other in points) for each in points]


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_dominance_is_its_definition(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    directions = ("min", "max", "min")

    assert dominates(one, other, directions) == beats(one, other, directions)
