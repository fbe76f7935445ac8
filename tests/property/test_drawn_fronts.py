"""Every line of a picture is a front: monotone, and through every shown point that is not dominated."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import mark, picture

from mlperf_home.contracts.studies.picture import Axis, Mark
from mlperf_home.pareto.front import dominates
from mlperf_home.pictures.picture import STANDINGS, with_fronts

NUMBERS = st.integers(0, 6).map(float)
MARKS = st.lists(
    st.builds(
        mark,
        name=st.just("m"),
        x=NUMBERS,
        y=NUMBERS,
        judged=st.sampled_from(["", *STANDINGS]),
        front=st.sampled_from(["resnet, imported", "resnet, measured here", "SAMPLE resnet, measured here"]),
        imported=st.booleans(),
    ),
    max_size=40,
)


@pytest.mark.parametrize("x", ["min", "max"])
@pytest.mark.parametrize("y", ["min", "max"])
@given(MARKS)
def test_each_line_is_monotone_and_complete(x: str, y: str, marks: list[Mark]) -> None:
    drawn = with_fronts(picture(*marks, x=Axis("a", "a", x), y=Axis("b", "b", y)))
    lines = drawn.staircases()

    rising = x != y  # less of one is better, more of the other
    for line in lines.values():
        assert len({each.front for each in line}) == 1
        for left, right in pairwise(line):
            assert left.x <= right.x
            assert left.y <= right.y if rising else left.y >= right.y
    for each in drawn.marks:
        others = [other for other in drawn.marks if other.front == each.front]
        beaten = any(dominates((other.x, other.y), (each.x, each.y), (x, y)) for other in others)
        assert (each in lines.get(each.front, [])) is not beaten
