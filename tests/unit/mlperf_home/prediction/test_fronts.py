"""Fronts of predicted latencies and copied accuracies."""

from __future__ import annotations

import math

import numpy as np

from mlperf_home.prediction.fronts import predicted_front

SURE = np.log([1.0, 2.0, 4.0])
EXACT = np.eye(3) * 1e-6


def test_a_slower_and_worse_model_is_dominated() -> None:
    standings = predicted_front(SURE, EXACT, [70.0, 60.0, 75.0], 3.0)

    assert standings.front.tolist() == [True, False, True]
    assert standings.dominator.tolist() == [-1, 0, -1]


def test_alike_accuracies_leave_a_model_undecided() -> None:
    standings = predicted_front(SURE, EXACT, [70.0, 70.1, 75.0], 3.0)

    assert standings.front.tolist() == [True, False, True]
    assert standings.dominator.tolist() == [-1, -1, -1]


def test_uncertain_latencies_decide_nothing() -> None:
    standings = predicted_front(SURE, np.eye(3), [70.0, 60.0, 75.0], 3.0)

    assert not standings.front[:2].any()
    assert (standings.dominator == -1).all()


def test_models_that_are_slow_together_are_told_apart() -> None:
    together = np.ones((3, 3)) + np.eye(3) * 1e-6

    assert predicted_front(SURE, together, [70.0, 60.0, 75.0], 3.0).dominator[1] == 0


def test_a_model_without_accuracy_is_undecided() -> None:
    standings = predicted_front(SURE, EXACT, [70.0, math.nan, 75.0], 3.0)

    assert not standings.front[1]
    assert standings.dominator[1] == -1
