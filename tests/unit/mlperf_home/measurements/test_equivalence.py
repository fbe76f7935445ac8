"""Repeated runs are equivalent, or different, or cannot tell."""

from __future__ import annotations

import math
import random

import pytest

from mlperf_home.measurements.equivalence import RepeatedValue, compare, equal_accuracies

SETTLED = (100.0, 101.0, 99.0)


def drawn(chance: random.Random, ratio: float, sd: float, runs: int) -> RepeatedValue:
    """Return runs that are off by `sd`, then and now."""

    def values(mean: float) -> tuple[float, ...]:
        return tuple(mean * math.exp(chance.gauss(0, sd)) for _ in range(runs))

    return RepeatedValue(values(1.0), values(ratio))


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ((100.5, 99.5, 101.0), "reproduced"),
        ((70.0, 71.0, 69.0), "not reproduced"),
        ((130.0, 131.0, 129.0), "not reproduced"),
        ((109.0, 111.0, 110.0), "inconclusive"),
        ((60.0, 100.0, 160.0), "inconclusive"),
    ],
)
def test_three_verdicts(now: tuple[float, ...], verdict: str) -> None:
    assert compare([RepeatedValue(SETTLED, now)])[0].verdict == verdict


def test_a_slower_machine_is_not_reproduced() -> None:
    (found,) = compare([RepeatedValue((100.0,), (80.0, 80.5, 79.5))])

    assert found.verdict == "not reproduced"
    assert found.interval is not None
    assert found.interval[1] < 0.9


def test_single_runs_cannot_tell() -> None:
    (found,) = compare([RepeatedValue((100.0,), (100.0,))])

    assert (found.verdict, found.interval, found.runs) == ("inconclusive", None, 3)


def test_the_runs_that_would_do_are_named() -> None:
    then = (100.0, 104.0, 96.0, 100.0, 101.0, 99.0)
    (found,) = compare([RepeatedValue(then, (90.0, 108.0))])

    assert found.verdict == "inconclusive"
    assert found.runs is not None
    assert 2 < found.runs <= 20


def test_no_number_of_runs_helps_a_loud_bundle() -> None:
    (found,) = compare([RepeatedValue((100.0,), (80.0, 120.0, 100.0))])

    assert (found.verdict, found.runs) == ("inconclusive", None)


def test_the_noise_of_others_counts() -> None:
    """Two equal runs of one value are no proof of a quiet machine."""
    loud = [RepeatedValue((100.0,), (85.0, 115.0, 100.0))] * 5
    alone, *_ = compare([RepeatedValue((100.0,), (100.0, 100.1))])
    among, *_ = compare([RepeatedValue((100.0,), (100.0, 100.1)), *loud])

    assert alone.verdict == "reproduced"
    assert among.verdict == "inconclusive"


def test_wrong_verdicts_are_rare() -> None:
    """Of 81 values at the margin, any "not reproduced" has a chance of 5 %; "reproduced" has 5 % for each value."""
    chance = random.Random(4)  # noqa: S311 - a simulation
    studies = [compare([drawn(chance, 1.1, 0.03, 3) for _ in range(81)]) for _ in range(20)]

    wrong = sum(any(each.verdict == "not reproduced" for each in study) for study in studies)
    passed = sum(each.verdict == "reproduced" for study in studies for each in study)
    assert wrong <= 3
    assert passed / (81 * 20) < 0.07


def test_equal_machines_are_mostly_reproduced() -> None:
    chance = random.Random(5)  # noqa: S311 - a simulation
    found = [compare([drawn(chance, 1.0, 0.03, 3)])[0].verdict for _ in range(200)]

    assert found.count("reproduced") > 160
    assert "not reproduced" not in found


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_values_must_be_positive(value: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        compare([RepeatedValue((value,), (1.0,))])


def test_no_values_are_no_comparison() -> None:
    assert compare([]) == []


def test_accuracies_must_lie_together() -> None:
    assert equal_accuracies([90.0], [90.0, 90.0], 0.0) == "reproduced"
    assert equal_accuracies([90.0], [90.4, 89.8], 0.5) == "not reproduced"
