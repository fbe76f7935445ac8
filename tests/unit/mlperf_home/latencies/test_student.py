"""Student's t equals the tables."""

from __future__ import annotations

import pytest

from mlperf_home.latencies.student import student_quantile, student_tail


@pytest.mark.parametrize(
    ("risk", "degrees", "value"),
    [(0.05, 1, 6.313752), (0.025, 2, 4.302653), (0.005, 9, 3.249836), (0.05, 30, 1.697261)],
)
def test_quantiles_equal_the_tables(risk: float, degrees: int, value: float) -> None:
    assert student_quantile(risk, degrees) == pytest.approx(value, rel=1e-6)
    assert student_tail(value, degrees) == pytest.approx(risk, rel=1e-5)
