"""A run is marked if its own times show states of the machine, and only then."""

from __future__ import annotations

import random

import pytest
from kept_times import honest, series, two_states

from mlperf_home.latencies.states import states_of


@pytest.mark.parametrize("slower", [0.1, 0.3])
def test_two_states_are_marked_with_size_and_time(slower: float) -> None:
    states = states_of(series(two_states(slower)))
    assert states.changed
    assert states.slower_percent == pytest.approx(100 * slower, rel=0.15)
    # Three thousand queries of a millisecond, each slower.
    assert states.slow_s == pytest.approx(3 * (1 + slower), rel=0.1)
    assert states.text.startswith("the machine changed state during this run: ")
    assert states.autocorrelation is not None
    assert states.autocorrelation > 0.5


def test_slow_parts_are_where_the_run_was_slow() -> None:
    spans = states_of(series(two_states(0.3, 4000, 7000))).slow_spans_s
    assert spans[0][0] == pytest.approx(4.0, abs=0.2)
    assert spans[-1][1] == pytest.approx(4.0 + 3 * 1.3, abs=0.2)


def test_honest_runs_are_hardly_ever_marked() -> None:
    chance = random.Random(8)  # noqa: S311 - a simulation
    marked = 0
    for _ in range(200):
        durations = [round(5e6 * chance.lognormvariate(0, 0.3)) for _ in range(1500)]
        marked += bool(states_of(series(durations)).changed)
    assert marked <= 6


def test_outliers_are_no_states() -> None:
    durations = [3 * each if number % 40 == 7 else each for number, each in enumerate(honest())]
    assert states_of(series(durations)).changed is False


def test_a_small_change_is_not_marked() -> None:
    assert states_of(series(two_states(0.01))).changed is False


def test_frequent_changes_are_marked() -> None:
    durations = [round(each * (1.3 if number // 400 % 2 else 1.0)) for number, each in enumerate(honest())]
    assert states_of(series(durations)).changed


def test_completions_show_states_too() -> None:
    # One sample completes each millisecond, then each two: the rate halves.
    times = [1_000_000] * 6000 + [2_000_000] * 3000
    run = series(times)
    assert states_of(run).changed
    counted = type(run)("completions", run.block_s, run.duration_s, run.blocks)
    assert states_of(counted).slower_percent == pytest.approx(100, rel=0.05)


def test_a_short_run_tells_no_states() -> None:
    states = states_of(series(honest(500)))
    assert (states.autocorrelation, states.changed) == (None, None)


def test_equal_times_are_no_states() -> None:
    assert states_of(series([1_000_000] * 5000)).changed is False
