"""A prior is checked only while the front depends on it; a wrong prior is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from table_meter import TableMeter

from mlperf_home.contracts.studies.journal import AccuracyCount
from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.exploration.definition.space import Space, decode_space, make_space
from mlperf_home.exploration.racing.accuracies import Doubts, evidence, revise_belief
from mlperf_home.exploration.racing.study import Study

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.answer import Answer, Standing
    from mlperf_home.exploration.definition.space import Point

SAMPLES = 50_000
DOUBTS = Doubts((3.0, 4.0, 5.0, 6.0), 0.01, 0.001, SAMPLES)


def space(models: str) -> Space:
    document = {"schema": 1, "name": "x", "axes": {"m": list(models)}, "model_axes": ["m"], "constraints": []}
    return make_space(decode_space(document, "x"), "x")


class Watched(TableMeter):
    """A meter that records the samples of each model's checks."""

    def __init__(self, latencies: dict[str, float], accuracies: dict[str, float], seed: int) -> None:
        super().__init__(latencies, accuracies, run_noise=0.01, seed=seed)
        self.checked: dict[str, list[tuple[int, int]]] = {}

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        self.checked.setdefault(point.model, []).append((first, last))
        return super().check(point, first, last)


def raced(
    latencies: dict[str, float], accuracies: dict[str, float], priors: dict[str, float], seed: int = 0
) -> tuple[Answer, Watched]:
    meter = Watched(latencies, accuracies, seed)
    beliefs = {model: Belief(value, 0.05, "published") for model, value in priors.items()}
    return Study(space("".join(latencies)), meter, beliefs, Settings(official="none")).run(), meter


def kept(answer: Answer) -> dict[str, Standing]:
    return {each.point: each for each in (*answer.front, *answer.undecided)}


def drawn(percent: float, count: int, random: np.random.Generator) -> AccuracyCount:
    right = round(SAMPLES * percent / 100)
    return AccuracyCount(int(random.hypergeometric(right, SAMPLES - right, count)), count, 0.0)


def test_evidence_agrees_with_the_normal_approximation() -> None:
    right = evidence(70.0, 0.0, AccuracyCount(700, 1000, 0.0), (3.0,), SAMPLES)
    # By the normal approximation: half the square of three points in standard errors.
    assert right.not_higher[0] == pytest.approx(0.03**2 * 1000 / (2 * 0.73 * 0.27) * 1000 / 980, rel=0.1)
    assert right.wrong < 0
    off = evidence(70.0, 0.0, AccuracyCount(2920, 4000, 0.0), (3.0,), SAMPLES)
    assert off.not_higher[0] < -4
    assert off.wrong > 4


def test_all_samples_leave_no_doubt() -> None:
    belief = revise_belief(Belief(70.0, 0.05, "published"), AccuracyCount(33_500, SAMPLES, 0.0), DOUBTS)

    assert (belief.percent, belief.sd, belief.up, belief.down) == (67.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("off", "side"), [(3.0, "up"), (-3.0, "down"), (6.0, "up")])
def test_a_wrong_prior_rarely_passes_at_any_look(off: float, side: str) -> None:
    random, passed = np.random.default_rng(7), 0
    for _ in range(300):
        counts = [drawn(70.0 + off, 500, random) for _ in range(12)]
        for looks in range(2, 13):
            correct = sum(each.correct for each in counts[:looks])
            count = AccuracyCount(correct, 500 * looks, 0.0)
            belief = revise_belief(Belief(70.0, 0.05, "published"), count, DOUBTS)
            if belief.prior and getattr(belief, side) == 0:
                passed += 1
                break

    # One in a hundred is allowed; more than nine in three hundred are too many.
    assert passed <= 9


def test_a_right_prior_is_hardly_ever_rejected() -> None:
    random = np.random.default_rng(8)
    beliefs = [revise_belief(Belief(70.0, 0.05, "published"), drawn(70.0, 4000, random), DOUBTS) for _ in range(300)]

    assert all(belief.prior for belief in beliefs)
    assert sum(belief.up == belief.down == 0 for belief in beliefs) > 200


def test_a_model_far_from_the_front_is_not_checked() -> None:
    accuracies = {"a": 60.0, "b": 75.0, "c": 60.5}
    answer, meter = raced({"a": 1.0, "b": 2.0, "c": 4.0}, accuracies, accuracies)

    assert {each.point for each in answer.front} == {"a", "b"}
    assert "c" not in meter.checked


def test_each_sample_of_a_model_is_checked_once_and_in_order() -> None:
    accuracies = {"a": 68.0, "b": 70.0, "c": 69.0}
    _, meter = raced({"a": 100.0, "b": 200.0, "c": 400.0}, accuracies, accuracies)

    for parts in meter.checked.values():
        assert [first for first, _ in parts] == [0, *(last for _, last in parts[:-1])]
        assert parts[-1][1] <= 20_000


@pytest.mark.parametrize("seed", range(5))
def test_a_model_is_not_dropped_by_one_whose_prior_is_too_high(seed: int) -> None:
    # b is slower and more accurate than a; the prior of a is higher than that of b.
    accuracies = {"a": 69.0, "b": 70.0, "c": 75.0}
    answer, _ = raced({"a": 10.0, "b": 20.0, "c": 30.0}, accuracies, accuracies | {"a": 72.0}, seed)

    assert "b" in kept(answer)


@pytest.mark.parametrize("seed", range(5))
def test_a_model_whose_prior_is_too_low_is_not_dropped(seed: int) -> None:
    accuracies = {"a": 69.0, "b": 71.5, "c": 75.0}
    answer, _ = raced({"a": 10.0, "b": 20.0, "c": 30.0}, accuracies, accuracies | {"b": 68.5}, seed)

    assert "b" in kept(answer)


def test_a_model_without_a_prior_is_measured_in_part() -> None:
    accuracies = {"a": 50.0, "b": 75.0, "c": 60.0}
    answer, meter = raced({"a": 10.0, "b": 20.0, "c": 30.0}, accuracies, {"a": 50.0, "b": 75.0})

    (dropped,) = answer.dropped
    assert dropped.point == "c"
    assert meter.checked["c"][-1][1] < SAMPLES
    assert dropped.accuracy_source.startswith("measured on")
