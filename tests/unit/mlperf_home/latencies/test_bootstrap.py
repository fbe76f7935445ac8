"""Intervals of a run: as in textbooks for independent noise, wider where neighbours are alike."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from kept_times import honest, series, two_states

from mlperf_home.latencies.bootstrap import mean_interval, percentile_interval, rate_interval, stretch_length


def test_independent_noise_has_the_usual_interval() -> None:
    durations = honest()
    interval = mean_interval(series(durations))
    assert interval is not None
    usual = 1.96 * statistics.stdev(durations) / math.sqrt(len(durations)) / statistics.fmean(durations)
    assert interval.high - 1 == pytest.approx(usual, rel=0.3)
    assert interval.low == pytest.approx(1 / interval.high)


def test_intervals_hold_independent_truths() -> None:
    held = []
    for seed in range(60):
        run = series(honest(3000, seed=seed))
        tail, mean = percentile_interval(run, 0.9), mean_interval(run)
        assert tail is not None
        assert mean is not None
        true_ns = 1e6 * math.exp(0.05 * statistics.NormalDist().inv_cdf(0.9))
        value = run.histogram.quantile_ns(0.9)
        held.append(value * tail.low <= true_ns <= value * tail.high)
        held.append(run.mean_ns * mean.low <= 1e6 * math.exp(0.05**2 / 2) <= run.mean_ns * mean.high)
    assert sum(held) >= 0.88 * len(held)


def test_states_widen_every_interval() -> None:
    for function in (mean_interval, rate_interval, lambda run: percentile_interval(run, 0.5)):
        quiet, changing = function(series(honest())), function(series(two_states()))
        assert quiet is not None
        assert changing is not None
        assert changing.high - changing.low > 5 * (quiet.high - quiet.low)
        assert changing.stretch_s > quiet.stretch_s


def test_a_percentile_lies_in_its_interval() -> None:
    for durations in (honest(), two_states(), [1_000_000] * 5000):
        for share in (0.5, 0.9, 0.99):
            interval = percentile_interval(series(durations), share)
            assert interval is not None
            assert 0 < interval.low <= 1 <= interval.high


def test_a_short_run_has_no_interval() -> None:
    short = series(honest(500))
    assert [mean_interval(short), rate_interval(short), percentile_interval(short, 0.9)] == [None] * 3


def test_the_same_run_has_the_same_interval() -> None:
    assert mean_interval(series(honest())) == mean_interval(series(honest()))


def test_stretches_follow_the_autocorrelation() -> None:
    chance = random.Random(2)  # noqa: S311 - a simulation
    lengths = []
    for kept in (0.0, 0.5, 0.9):
        level, values = 0.0, []
        for _ in range(512):
            level = kept * level + chance.gauss(0, 1)
            values.append(level)
        lengths.append(stretch_length(values))
    assert lengths == sorted(lengths)
    assert lengths[0] <= 4
    assert lengths[2] >= 10
    assert stretch_length([2.0] * 64) == 1
