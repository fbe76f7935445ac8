"""Pairs are compared by their own variance, autocorrelation and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from moody_meter import LADDERS, MODELS, SAMPLES, MoodyMeter, ladder

from mlperf_home.contracts.studies.race import Protocol, Settings
from mlperf_home.exploration.racing.paired import compare, mean_bounds, quantile
from mlperf_home.exploration.racing.study import Study

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.answer import Answer

RANDOM = np.random.default_rng(3)
ROUNDS = 20
SETTINGS = Settings(official="none", protocol=Protocol(samples=SAMPLES))


def probes(points: int, sd: float = 0.03, rounds: int = ROUNDS) -> np.ndarray:
    """Return probes of equal points with independent noise: (rounds, points)."""
    return np.random.default_rng(3).normal(0, sd, (rounds, points))


@pytest.mark.parametrize(
    ("risk", "degrees", "value"), [(0.05, 1, 6.3138), (0.005, 3, 5.8409), (0.025, np.inf, 1.95996)]
)
def test_quantiles_are_exact_at_few_degrees(risk: float, degrees: float, value: float) -> None:
    """The values are of tables of Student's distribution."""
    assert quantile(risk, np.array([degrees]))[0] == pytest.approx(value, rel=1e-4)


def test_a_pair_has_no_verdict_before_enough_rounds() -> None:
    values = probes(2, rounds=7) + np.array([0.0, 0.3])

    assert not compare(values, least_rounds=8).gaps.any()
    assert compare(values, least_rounds=7).gaps[0, 1] > 4


def test_points_far_apart_need_three_rounds() -> None:
    values = probes(2, rounds=3) + np.array([0.0, 1.0])

    assert compare(values, least_rounds=8).gaps[0, 1] > 5


def test_a_loud_point_does_not_hide_behind_quiet_ones() -> None:
    """The standard error of a pair with a point that is off by 15 % is its own, not that of the quiet pairs."""
    values = probes(9)
    values[:, 0] *= 5
    values[:, 1:] += 0.1
    found = compare(values, least_rounds=8)

    errors = 0.1 / np.abs(found.gaps[0, 1:])
    assert (errors > 0.6 * np.hypot(0.15, 0.03) / np.sqrt(ROUNDS)).all()


def test_slow_noise_widens_the_standard_error() -> None:
    steps = np.repeat(np.random.default_rng(5).normal(0, 0.05, (4, 6)), 5, axis=0)
    slow, quick = compare(steps + probes(6, 0.002), 8), compare(RANDOM.permuted(steps, axis=0) + probes(6, 0.002), 8)

    ratio = np.abs(quick.gaps).sum() / np.abs(slow.gaps).sum()
    assert ratio > 1.5
    assert slow.degrees.mean() < quick.degrees.mean()


def test_a_pair_that_changes_with_the_state_has_no_verdict() -> None:
    values = probes(3)
    values[::2, 0] += 0.3
    values[:, 1] += 0.05
    found = compare(values, least_rounds=8)

    assert found.changing[0, 1]
    assert found.changing[1, 0]
    assert not found.gaps[0, 1]
    assert not found.changing[1, 2]


def test_a_state_that_no_order_depends_on_decides_nothing() -> None:
    values = probes(2, 0.01) + np.array([0.0, 1.0])
    values[::2, 1] += 0.3
    found = compare(values, least_rounds=8)

    assert not found.changing.any()
    assert found.gaps[0, 1] > 5


def test_identical_points_have_no_gap() -> None:
    found = compare(np.zeros((ROUNDS, 3)), least_rounds=8)

    assert not found.gaps.any()
    assert not found.changing.any()


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 1), (20, 1)])
def test_few_rounds_or_points_are_no_error(shape: tuple[int, int]) -> None:
    assert not compare(np.zeros(shape), least_rounds=8).gaps.any()
    assert mean_bounds(np.zeros(shape), 0.05).shape == (2, shape[1])


def test_a_point_without_probes_has_no_bounds() -> None:
    values = probes(2)
    values[:, 1] = np.nan

    assert not np.isnan(mean_bounds(values, 0.05)[:, 0]).any()
    assert np.isnan(mean_bounds(values, 0.05)[:, 1]).all()


@pytest.mark.parametrize(
    "model", ["states of 2 min, half of the points", "each point wanders, 5 % in 2 min", "modes by process, half slow"]
)
def test_moods_drop_no_member_of_the_front(model: str) -> None:
    """One study in twenty may; of these seeds none does."""
    for seed in range(3):
        space = ladder(8)
        meter = MoodyMeter(space, MODELS[model], LADDERS[8], seed)
        answer = Study(space, meter, {}, SETTINGS).run()

        assert not {each.point for each in answer.dropped} & set.union(*meter.fronts())


def test_an_undecided_point_says_that_the_machine_changes() -> None:
    space = ladder(8)
    meter = MoodyMeter(space, MODELS["states of 2 min, half of the points"], LADDERS[8], seed=1)
    answer = Study(space, meter, {}, SETTINGS).run()

    changing = [each for each in answer.undecided if each.changing]
    assert changing
    assert all(set(each.changing) <= set(each.against) for each in changing)
    assert "the machine changes state" in answer.warnings[-1]


def test_rounds_begin_a_minute_apart() -> None:
    space = ladder(8)
    meter = MoodyMeter(space, MODELS["independent, 10 %"], LADDERS[8], seed=1)
    Study(space, meter, {}, SETTINGS).run()

    assert meter.now_s >= (SETTINGS.rounds - 1) * SETTINGS.round_spacing_s


@pytest.mark.parametrize(("rounds", "looks"), [(3, (3,)), (8, (3, 8)), (9, (3, 9)), (20, (3, 8, 10, 12, 15, 20))])
def test_looks_are_few_and_end_with_the_last_round(rounds: int, looks: tuple[int, ...]) -> None:
    assert Settings(rounds=rounds).looks == looks


def test_the_time_left_contains_the_pauses() -> None:
    space, left_s = ladder(8), []
    meter = MoodyMeter(space, MODELS["independent, 10 %"], LADDERS[8], seed=1)
    began_s: list[float] = []

    def note(answer: Answer) -> None:
        left_s.append(answer.work.left_s)
        began_s.append(meter.now_s)

    Study(space, meter, {}, SETTINGS).run(note)

    assert left_s[0] >= began_s[-1] - began_s[0]
