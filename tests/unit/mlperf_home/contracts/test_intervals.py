"""Intervals around positive quantities stay positive."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_home.contracts.intervals import Interval, interval_around
from mlperf_home.contracts.studies.race import Belief


@given(st.floats(1e-9, 1e9), st.floats(0, 1e12))
def test_an_interval_is_positive_and_holds_its_value(value: float, reach: float) -> None:
    low, high = interval_around(value, reach)

    assert 0 < low <= value * (1 + 1e-9)
    assert value * (1 - 1e-9) <= high < math.inf


def test_a_narrow_interval_is_nearly_symmetric() -> None:
    assert interval_around(90.0, 0.5) == pytest.approx((89.5, 90.5), abs=0.002)


def test_an_accuracy_of_little_evidence_is_above_zero() -> None:
    low, high = Belief(2.0, 4.0, "measured on 50 samples").interval(0.05)

    assert 0 < low < 2 < high <= 100


def test_a_document_with_a_negative_interval_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="0"):
        msgspec.convert([-0.83, 1.51], Interval)
