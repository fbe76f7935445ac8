"""The times of a made-up run follow from each other."""

from __future__ import annotations

import pytest

from mlperf_home.latencies.series import series_of
from mlperf_home.testing.synthetic.times import SyntheticTimes, answers


@pytest.mark.parametrize("p90_ns", [80_000, 5_000_000, 3_000_000_000])
def test_the_kept_times_are_those_of_the_log(p90_ns: int) -> None:
    times = SyntheticTimes(p90_ns, 1)
    logged, series = times.logged(), series_of(times.kept, "times")
    assert series.count == times.queries - 1
    assert series.mean_ns == pytest.approx(logged["result_mean_latency_ns"], rel=0.05)
    for name, share in (("50.00", 0.5), ("99.00", 0.99)):
        of_log = logged[f"result_{name}_percentile_latency_ns"]
        assert series.histogram.quantile_ns(share) == pytest.approx(of_log, rel=0.06)


def test_two_runs_differ_though_their_values_agree() -> None:
    first, second = (SyntheticTimes(5_000_000, seed) for seed in (1, 2))
    assert first.logged()["early_stopping_latency_ss"] == second.logged()["early_stopping_latency_ss"]
    assert first.kept != second.kept


def test_answers_have_the_accuracy_and_each_image_once() -> None:
    found = answers(500, 71.2, 3)
    assert sorted(image for image, _ in found) == list(range(500))
    assert sum(image == answer for image, answer in found) == 356
