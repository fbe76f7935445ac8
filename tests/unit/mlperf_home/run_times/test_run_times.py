"""The duration of a run follows from the round, the dataset and the measured speed of the model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlperf_home.rules import load_round
from mlperf_home.run_times.expected import ExpectedDuration, RunOfLoadGen, expected_duration
from mlperf_home.run_times.speeds import ClassSpeed, RunSpeed, Speeds, measured

if TYPE_CHECKING:
    from pathlib import Path

RULES = load_round("v3.1")
SPEED = RunSpeed(run_s=10.0, around_s=4.0, queries=1000, samples=1000, at_s=0.0)


def expected(mode: str, scenario: str = "SingleStream", style: str = "valid", **fields: object) -> ExpectedDuration:
    run = RunOfLoadGen("bert-99", scenario, mode, style, **fields)  # type: ignore[arg-type]
    return expected_duration(RULES, run, {"performance": SPEED})


def test_a_performance_run_lasts_its_minimum_duration() -> None:
    found = expected("performance")

    assert found.low_s is not None
    assert found.high_s is not None
    assert 600 < found.low_s < found.high_s < 700


def test_a_slow_model_lasts_for_its_queries() -> None:
    slow = RunSpeed(run_s=6000.0, around_s=4.0, queries=60, samples=60, at_s=0.0)
    run = RunOfLoadGen("bert-99", "SingleStream", "performance", "valid")

    low, high, _ = expected_duration(RULES, run, {"performance": slow})

    assert low is not None
    assert high is not None
    assert low < 100 * 100 < high


def test_an_accuracy_run_lasts_for_the_dataset() -> None:
    low, high, _ = expected("accuracy", samples=10833)

    assert low is not None
    assert high is not None
    assert low < 108.33 + 4 < high


def test_offline_has_more_samples_than_its_minimum() -> None:
    low, high, _ = expected("performance", "Offline", "sample")

    assert low is not None
    assert high is not None
    assert low < 22 + 4 < high


def test_a_test_run_lasts_for_its_queries() -> None:
    low, high, _ = expected("performance", style="test", test_queries=500)

    assert low is not None
    assert high is not None
    assert low < 5 + 4 < high


@pytest.mark.parametrize(("mode", "low"), [("performance", 600.0), ("TEST01", 600.0), ("accuracy", None)])
def test_without_a_speed_only_the_minimum_is_known(mode: str, low: float | None) -> None:
    found = expected_duration(RULES, RunOfLoadGen("bert-99", "SingleStream", mode, "valid", samples=10833), {})

    assert found[:2] == (low, None)
    assert "have not run here" in found.basis


def test_published_speeds_stand_in_for_a_first_run() -> None:
    def found(mode: str, speeds: dict[str, RunSpeed], samples: int) -> ExpectedDuration:
        run = RunOfLoadGen("resnet", "SingleStream", mode, "valid", samples=samples)
        return expected_duration(RULES, run, speeds, lambda: ClassSpeed(0.01, 0.1, "published results"))

    assert found("accuracy", {}, 50_000) == ExpectedDuration(500.0, 5000.0, "published results")
    assert found("performance", {}, 50_000) == ExpectedDuration(600.0, 600.0, "published results")
    assert found("accuracy", {"accuracy": SPEED}, 1000).basis == "the models' speed on this machine"


def test_a_doubtful_calibration_may_take_its_time_once() -> None:
    doubtful = {mode: replace(SPEED, recalibration_s=30.0) for mode in ("find-performance", "performance")}

    def high(mode: str, speeds: dict[str, RunSpeed]) -> float:
        found = expected_duration(RULES, RunOfLoadGen("bert-99", "SingleStream", mode, "test"), speeds)
        assert found.high_s is not None
        return found.high_s

    first = {"find-performance": SPEED, "performance": doubtful["performance"]}
    assert high("find-performance", doubtful) == pytest.approx(30 + high("find-performance", first))
    assert high("performance", doubtful) == high("performance", first)
    assert (
        "made anew"
        in expected_duration(
            RULES,
            RunOfLoadGen("bert-99", "SingleStream", "performance", "test"),
            {"performance": doubtful["performance"]},
        ).basis
    )


def test_speeds_of_earlier_versions_are_read(tmp_path: Path) -> None:
    kept = {"run_s": 10.0, "around_s": 4.0, "queries": 1000, "samples": 1000, "at_s": 0.0}
    (tmp_path / "run-speeds.json").write_text(json.dumps({"x": {"e": {"performance": kept}}}))

    assert Speeds(tmp_path).find("x", "e") == {"performance": SPEED}


def test_a_dataset_of_unknown_size_makes_accuracy_unknown() -> None:
    assert expected("accuracy")[:2] == (None, None)


def test_speeds_are_found_by_subject_engine_and_mode(tmp_path: Path) -> None:
    speeds, later = Speeds(tmp_path), replace(SPEED, at_s=5.0)
    speeds.note("bert", "x", "performance", SPEED)
    speeds.note("bert", "x", "accuracy", SPEED)
    speeds.note("bert", "y", "performance", later)

    assert Speeds(tmp_path).find("bert", "x") == {"performance": SPEED, "accuracy": SPEED}
    assert Speeds(tmp_path).find("bert") == {"performance": later}
    assert Speeds(tmp_path).find("bert", "z") == {}
    assert Speeds(tmp_path).find("resnet") == {}


@pytest.mark.parametrize(
    "kept",
    [3, {"e": 3}, {"e": {"performance": 3}}, *({"e": {"performance": {"run_s": each}}} for each in ("x", -1))],
)
def test_what_cannot_be_read_is_unknown(tmp_path: Path, kept: object) -> None:
    (tmp_path / "run-speeds.json").write_text(json.dumps({"x": kept}))

    assert Speeds(tmp_path).find("x") == {}
    assert Speeds(tmp_path).find("x", "e") == {}


def test_the_time_around_loadgen_is_never_negative() -> None:
    assert measured(9.0, 10.0, 5, 5).around_s == 0.0
