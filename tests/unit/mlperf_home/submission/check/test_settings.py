"""user.conf and mlperf.conf are compared with the settings in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from submission_tree import BERT, RULES, SUT, log_line

from mlperf_home.rules import load_round, mlperf_conf
from mlperf_home.submission.check.report import check_submission

if TYPE_CHECKING:
    from pathlib import Path

OFFLINE = f"{SUT}/{BERT}/offline"


def rules(submitter: Path) -> set[str]:
    return {each.rule for each in check_submission(submitter.parents[1], RULES).errors}


def user_conf(submitter: Path, *lines: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    (submitter / "measurements" / OFFLINE / "user.conf").write_text(text, "utf-8")


@pytest.mark.parametrize(
    "lines",
    [
        ("mine.Offline.target_qps = 100", "mine.Offline.min_duration = 600000"),
        ("*.Offline.target_qps = 100",),
        ("bert.Offline.target_qps = 100", "resnet50.Offline.target_qps = 7"),
        # The line for the model and the scenario counts, whatever follows.
        ("bert.Offline.target_qps = 100", "*.Offline.target_qps = 7", "bert.*.target_qps = 7", "*.*.target_qps = 7"),
        ("*.Offline.target_qps = 100", "bert.*.target_qps = 7"),
    ],
)
def test_settings_that_the_log_holds_are_taken(submitter: Path, lines: tuple[str, ...]) -> None:
    user_conf(submitter, *lines)

    assert rules(submitter) == set()


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        (("mine.Offline.target_qps = 7",), "conf-model"),
        (("mine.Offline.coalesce_queries = 1",), "conf-model"),
        # The name of another benchmark, even with the same values.
        (("resnet50.Offline.target_qps = 100",), "conf-model"),
        (("bert.Offline.target_qps = 7",), "conf-of-another-run"),
        (("bert.Offline.target_qps = x",), "conf-of-another-run"),
        (("bert.Offline.qsl_rng_seed = 148687905518835232",), "conf-of-another-run"),
    ],
)
def test_settings_that_the_log_does_not_hold_are_told(submitter: Path, lines: tuple[str, ...], rule: str) -> None:
    user_conf(submitter, *lines)

    assert rules(submitter) == {rule}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x = y\n", "conf-round"),
        (mlperf_conf(load_round("v4.0")), "conf-round"),
        (mlperf_conf(RULES).replace("*.Offline.min_duration = 600000", "*.Offline.min_duration = 60000"), "conf-round"),
        (mlperf_conf(RULES) + "bert.Offline.min_duration = 60000\n", "conf-round"),
        (mlperf_conf(RULES).replace("*.*.qsl_rng_seed", "#"), "conf-round"),
    ],
)
def test_a_replaced_mlperf_conf_is_told(submitter: Path, text: str, rule: str) -> None:
    (submitter / "measurements" / OFFLINE / "mlperf.conf").write_text(text, "utf-8")

    assert rules(submitter) == {rule}


def test_mlperf_conf_is_compared_with_the_log(submitter: Path) -> None:
    user_conf(submitter, "bert.Offline.target_qps = 100")
    path = submitter / "results" / OFFLINE / "performance" / "run_1"
    text = (path / "mlperf_log_detail.txt").read_text("utf-8")
    text += log_line("effective_min_duration_ms", 900000)
    (path / "mlperf_log_detail.txt").write_text(text, "utf-8")
    (path / "mlperf_log_summary.txt").write_text("No errors encountered during test.\n", "utf-8")

    assert "conf-of-another-run" in rules(submitter)
