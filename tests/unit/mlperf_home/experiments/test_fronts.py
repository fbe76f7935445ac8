"""Fronts of experiments: one for each benchmark and scenario, by two or more metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlperf_home.experiments.experiment import ExperimentError
from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.measurements.measurement import Measurement, Value


def measured(name: str, scenario: str = "SingleStream", **values: float) -> Measurement:
    metrics = {metric: Value(value, "measured", "log") for metric, value in values.items()}
    model = {"name": Value(name, "copied")}
    return Measurement("v3.1", "resnet", scenario, False, "", "VALID", (), (), {}, model, {}, metrics, {}, ())


def names(members: tuple[Measurement, ...]) -> list[object]:
    return [each.model["name"].value for each in members]


FAST = measured("fast", latency_ms=1.0, top1_percent=50.0, energy_mj=9.0)
GOOD = measured("good", latency_ms=5.0, top1_percent=70.0, energy_mj=5.0)
POOR = measured("poor", latency_ms=6.0, top1_percent=60.0, energy_mj=1.0)


def test_scenarios_are_not_compared_with_each_other() -> None:
    eight_at_a_time = measured("eight", "MultiStream", latency_ms=0.5, top1_percent=99.0)
    rate = measured("rate", "Offline", samples_per_second=10.0, top1_percent=60.0)

    found = fronts_of([GOOD, POOR, FAST, eight_at_a_time, rate], ())

    assert [(each.of.scenario, names(each.members), each.compared) for each in found] == [
        ("SingleStream", ["fast", "good"], 3),
        ("MultiStream", ["eight"], 1),
        ("Offline", ["rate"], 1),
    ]
    assert found[2].axes[0].name == "samples_per_second"


@pytest.mark.parametrize(
    "other",
    [
        replace(FAST, sample=True),
        replace(FAST, benchmark="bert-99"),
        replace(FAST, values={**FAST.values, "dataset": Value("imagenet-2012-val, 500 samples", "copied", "session")}),
    ],
    ids=["sample", "benchmark", "dataset"],
)
def test_incomparable_measurements_share_no_front(other: Measurement) -> None:
    found = fronts_of([POOR, other], ())

    assert [names(each.members) for each in found] == [["poor"], ["fast"]]


def test_an_invalid_measurement_is_counted_and_left_out() -> None:
    (found,) = fronts_of([GOOD, replace(FAST, validity="INVALID")], ())

    assert (names(found.members), found.invalid) == (["good"], 1)


def test_three_metrics_have_a_front() -> None:
    (found,) = fronts_of([GOOD, POOR, FAST], read_axes(["latency_ms", "top1_percent", "energy_mj"], ()))

    assert names(found.members) == ["fast", "good", "poor"]


def test_a_derived_metric_needs_a_direction() -> None:
    (found,) = fronts_of([GOOD, FAST], read_axes(["latency_ms:max", "energy_mj:max"], ["energy_mj"]))

    assert names(found.members) == ["fast", "good"]
    with pytest.raises(ExperimentError, match="write energy_mj:min or energy_mj:max"):
        read_axes(["latency_ms", "energy_mj"], ["energy_mj"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["latency_ms"], "at least two different metrics"),
        (["latency_ms", "latency_ms"], "at least two different metrics"),
        (["latency_ms:up", "top1_percent"], "'up' is not a direction; write latency_ms:min"),
    ],
)
def test_metrics_without_a_front_are_refused(words: list[str], problem: str) -> None:
    with pytest.raises(ExperimentError, match=problem):
        read_axes(words, ())


def test_the_error_without_a_front_lists_the_known_metrics() -> None:
    with pytest.raises(ExperimentError, match=r"no valid measurement has .* name two of these .*: latency_ms"):
        fronts_of([measured("one", latency_ms=1.0)], ())
    assert fronts_of([], ()) == []
