"""An Offline run that ended too early is run again for the rate that it reached, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from submission_results import foreign

from mlperf_home.runs.launch import HarnessRun
from mlperf_home.runs.layout import ResultFolder
from mlperf_home.runs.retarget import raised_run, reached_qps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("scenario", "met", "rate"),
    [("Offline", "false", 109.5), ("Offline", "true", None), ("SingleStream", "false", None)],
)
def test_the_rate_of_a_run_that_was_too_short_is_read(
    tmp_path: Path, scenario: str, met: str, rate: float | None
) -> None:
    logs = foreign(tmp_path, scenario=scenario) / "performance" / "run_1"
    detail = logs / "mlperf_log_detail.txt"
    text = detail.read_text("utf-8")
    key = '"result_min_duration_met", "value": '
    assert f"{key}true" in text
    detail.write_text(text.replace(f"{key}true", f"{key}{met}"), "utf-8")

    assert reached_qps(logs) == rate


def test_a_broken_log_is_no_reason_to_run_again(tmp_path: Path) -> None:
    assert reached_qps(tmp_path) is None


def test_only_the_target_is_raised(tmp_path: Path) -> None:
    conf = tmp_path / "user.conf"
    conf.write_text("bert.Offline.target_qps = 20\nbert.Offline.min_duration = 10000\n")
    wanted = HarnessRun(ResultFolder(tmp_path), "performance", {"user_conf": str(conf), "round": "v3.1"})

    again = raised_run(wanted, 100.0, tmp_path / "new.conf")

    assert again.options == {"user_conf": str(tmp_path / "new.conf"), "round": "v3.1"}
    assert (tmp_path / "new.conf").read_text() == "bert.Offline.target_qps = 110\nbert.Offline.min_duration = 10000\n"
    assert conf.read_text().startswith("bert.Offline.target_qps = 20\n")
