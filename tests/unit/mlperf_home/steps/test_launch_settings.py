"""The system's name, its targets, user.conf, and the progress of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.progress import CalibratedEvent, CalibratingEvent
from mlperf_home.engines.calibration.budgets import default_budget_s
from mlperf_home.harness.user_conf import RunSettings, SettingsError, user_conf_text
from mlperf_home.rules import load_round
from mlperf_home.steps.launch import narrate
from mlperf_home.steps.machine import Targets, system_name
from mlperf_home.steps.zoo import ZooError, find_model

if TYPE_CHECKING:
    from pathlib import Path


def test_a_systems_name_has_only_allowed_characters() -> None:
    name = system_name("Ann's box", ["reference", "cpu", "deepsparse", "", "v1.8.0"])

    assert name == "Ann_s_box-reference-cpu-deepsparse-v1.8.0"


def test_targets_are_stored_by_model_and_scenario(tmp_path: Path) -> None:
    targets = Targets(tmp_path / "system/targets.json")
    targets.store("bert", "Offline", {"target_qps": 12.5})
    targets.store("bert", "SingleStream", {"target_latency_ms": 80.0})

    assert Targets(tmp_path / "system/targets.json").known("bert", "Offline") == {"target_qps": 12.5}
    assert targets.known("bert", "Server") == {}
    assert targets.known("another", "Offline") == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            RunSettings("bert-99", "Offline", "performance", "valid", measured_target=100.0),
            "bert.Offline.target_qps = 101\n",
        ),
        (RunSettings("bert-99", "Offline", "performance", "valid", target=100.0), "bert.Offline.target_qps = 100\n"),
        (
            RunSettings("bert-99", "Offline", "performance", "valid", target=50.0, measured_target=100.0),
            "bert.Offline.target_qps = 50\n",
        ),
        (
            RunSettings("bert-99", "SingleStream", "performance", "valid", measured_target=10.0),
            "bert.SingleStream.target_latency = 4\n",
        ),
        (RunSettings("bert-99", "Offline", "accuracy", "valid"), "bert.Offline.target_qps = 1\n"),
        (
            RunSettings("bert-99", "Offline", "performance", "test", test_query_count=77),
            "bert.Offline.min_query_count = 77\n",
        ),
    ],
)
def test_user_conf_says_what_is_aimed_at(settings: RunSettings, expected: str) -> None:
    assert expected in user_conf_text(load_round("v3.1"), settings)


def test_an_official_run_needs_a_target() -> None:
    with pytest.raises(SettingsError, match="find-performance"):
        user_conf_text(load_round("v3.1"), RunSettings("bert-99", "Offline", "performance", "valid"))


def test_only_progress_lines_are_reported() -> None:
    messages: list[str] = []
    for line in ("warming up", "[1]", '{"event": "finished", "run_s": 2.0}', '{"event": "unheard of"}'):
        narrate(line, lambda text, _lasts_s=0.0: messages.append(text))

    assert messages == ["LoadGen is done after 2.0 s"]


@pytest.mark.parametrize("stub", ["", "nlp/question_answering", "zoo:x", 'zoo:a/b/c"){evil}/d/e/f/g'])
def test_a_malformed_stub_is_refused(stub: str) -> None:
    with pytest.raises(ZooError, match="is not a SparseZoo stub"):
        find_model(stub, {"https://": "http://127.0.0.1:9/"})


@pytest.mark.parametrize(
    ("style", "sample", "seconds"),
    [
        ("valid", False, 240.0),
        ("valid", True, 60.0),
        ("fast", False, 60.0),
        ("sample", True, 60.0),
        ("test", False, 1.0),
    ],
)
def test_official_runs_calibrate_for_longer(style: str, sample: bool, seconds: float) -> None:
    assert default_budget_s(style, sample=sample) == seconds


def test_a_calibration_made_anew_is_told_with_its_reason() -> None:
    told: list[str] = []
    narrate(to_line(CalibratingEvent(budget_s=240.0, because="--recalibrate")), told.append)
    narrate(to_line(CalibratedEvent(words="1 thread; 25 % faster than 2 threads")), told.append)
    assert told == [
        "calibrating again (--recalibrate), at most 240 s of a quiet machine; kept for later runs",
        "calibrated: 1 thread; 25 % faster than 2 threads",
    ]
