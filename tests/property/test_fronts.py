"""Two ways to the same front."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_home.pareto.plain import front, plane_front

np = pytest.importorskip("numpy")

NUMBERS = st.integers(0, 6).map(float)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40),
    st.sampled_from([("min", "max"), ("max", "max"), ("min", "min")]),
)
def test_the_fast_front_is_the_front(points: list[tuple[float, float]], directions: tuple[str, str]) -> None:
    from mlperf_home.pareto import arrays as pareto

    expected = list(pareto.front(points, directions)) if points else []

    assert plane_front(points, directions) == expected


@pytest.mark.parametrize("metrics", [2, 3, 4])
@given(st.data())
def test_the_front_of_any_number_of_metrics_is_the_front(metrics: int, chosen: st.DataObject) -> None:
    from mlperf_home.pareto import arrays as pareto

    points = chosen.draw(st.lists(st.tuples(*[NUMBERS] * metrics), max_size=40))
    directions = chosen.draw(st.tuples(*[st.sampled_from(["min", "max"])] * metrics))
    expected = list(pareto.front(points, directions)) if points else []

    assert front(points, directions) == expected
