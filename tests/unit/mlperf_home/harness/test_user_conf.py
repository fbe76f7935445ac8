"""user.conf has LoadGen's form, and lines that LoadGen would ignore are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.contracts.runs.failures import HarnessError
from mlperf_home.harness.user_conf import (
    STYLES,
    SettingsError,
    Target,
    check_user_conf,
    find_performance_values,
    run_values,
    target_key,
    user_conf,
)
from mlperf_home.rules import load_round
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

RULES = load_round("v3.1")


def check(folder: Path, text: str) -> None:
    path = folder / "user.conf"
    path.write_text(text, "utf-8")
    check_user_conf(path, "bert", "Offline")


def test_numbers_are_plain_decimals() -> None:
    text = user_conf("bert", "Offline", {"target_qps": 124.13, "min_query_count": 24576.0})
    assert text == "bert.Offline.target_qps = 124.130000\nbert.Offline.min_query_count = 24576\n"


def test_a_small_target_keeps_its_value(tmp_path: Path) -> None:
    assert "0.000012" in user_conf("bert", "Offline", {"target_qps": 0.000012})
    with pytest.raises(ValueError, match="target_qsp"):
        user_conf("bert", "Offline", {"target_qsp": 1})


@pytest.mark.parametrize(
    "text",
    [
        "bert.Offline.target_qps = 10\n",
        "# a comment\n\n*.*.min_duration = 0 # another\n",
        "bert.Offline.target_qps=10\nresnet50.SingleStream.target_latency = 3\n",
    ],
)
def test_a_usable_file_is_accepted(tmp_path: Path, text: str) -> None:
    check(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bert-99.Offline.target_qps = 10\n", "for the model 'bert-99', but the run is for 'bert'"),
        ("bert.Offline.target_qsp = 10\n", "'target_qsp' is not a LoadGen key"),
        ("bert.offline.target_qps = 10\n", "'offline' is not a scenario"),
        ("bert.Server.target_qps = 10\n", r"no line applies to bert\.Offline"),
        ("", r"no line applies to bert\.Offline"),
        ("bert.Offline.target_qps = fast\n", "must be a number"),
        ("bert.Offline.target_qps = -1\n", "must be a number"),
        ("target_qps = 10\n", "line 1: .* is not 'model.scenario.key = value'"),
    ],
)
def test_a_line_that_loadgen_would_ignore_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        check(tmp_path, text)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot be read"):
        check_user_conf(tmp_path / "user.conf", "bert", "Offline")


def test_only_measured_targets_get_a_factor() -> None:
    assert run_values(RULES, "Offline", "valid", Target(100, measured=True)) == {"target_qps": pytest.approx(101)}
    assert run_values(RULES, "Offline", "valid", Target(100, measured=False)) == {"target_qps": 100}
    assert run_values(RULES, "Server", "valid", Target(100, measured=True)) == {"target_qps": pytest.approx(90)}
    values = run_values(RULES, "SingleStream", "valid", Target(50, measured=True))
    assert values == {"target_latency": pytest.approx(20), "max_duration": 660000}


def test_a_test_run_has_the_requested_query_count() -> None:
    values = run_values(RULES, "SingleStream", "test", None, 64)
    assert values == {"target_latency": 1000, "min_duration": 0, "min_query_count": 64, "max_query_count": 64}
    assert run_values(RULES, "Offline", "test", None, 15000) == {
        "target_qps": 1,
        "min_duration": 0,
        "min_query_count": 15000,
    }


@pytest.mark.parametrize("style", [style for style in STYLES if style != "test"])
def test_a_run_without_a_target_names_its_key(style: str) -> None:
    with pytest.raises(SettingsError, match="needs target_latency for SingleStream"):
        run_values(RULES, "SingleStream", style)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_an_accepted_file(tmp_path: Path, scenario: str, style: str) -> None:
    path = tmp_path / "user.conf"
    path.write_text(user_conf("bert", scenario, run_values(RULES, scenario, style, Target(7, measured=True))), "utf-8")
    check_user_conf(path, "bert", scenario)
    path.write_text(user_conf("bert", scenario, find_performance_values(scenario)), "utf-8")
    check_user_conf(path, "bert", scenario)
    assert target_key(scenario) in {"target_qps", "target_latency"}


def test_unusable_styles_and_targets_are_refused() -> None:
    with pytest.raises(SettingsError, match="must be one of test, fast, valid, sample"):
        run_values(RULES, "Offline", "quick")
    with pytest.raises(SettingsError, match="above 0"):
        run_values(RULES, "Offline", "valid", Target(0, measured=False))
