"""A run that was over too early is run once more for what it reached, and only such a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from harness_jobs import run_options
from submission_results import foreign
from submission_tree import log_line

from mlperf_home.measurements.layout import ResultFolder
from mlperf_home.steps.launch import HarnessRun, reached, run_and_once_more
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

RAN_OUT = "Ran out of generated queries to issue before the minimum query count and test duration were reached."


def edit(logs: Path, old: str, new: str) -> None:
    path = logs / "mlperf_log_detail.txt"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(("scenario", "met", "rate"), [("Offline", "false", 109.5), ("Offline", "true", None)])
def test_the_rate_of_a_run_that_was_too_short_is_read(
    tmp_path: Path, scenario: str, met: str, rate: float | None
) -> None:
    logs = foreign(tmp_path, scenario=scenario) / "performance" / "run_1"
    edit(logs, '"result_min_duration_met", "value": true', f'"result_min_duration_met", "value": {met}')

    found = reached(logs)

    assert (found and found.target) == (rate and {"target_qps": rate})


@pytest.mark.parametrize(("scenario", "latency_ms"), [("SingleStream", 12.0), ("MultiStream", 96.0)])
def test_the_latency_of_a_run_that_ran_out_of_queries_is_read(tmp_path: Path, scenario: str, latency_ms: float) -> None:
    logs = foreign(tmp_path, scenario=scenario) / "performance" / "run_1"
    assert reached(logs) is None
    with (logs / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))

    found = reached(logs)

    assert found is not None
    assert found.target == {"target_latency_ms": latency_ms}


def test_another_error_or_a_broken_log_is_no_reason_to_run_again(tmp_path: Path) -> None:
    logs = foreign(tmp_path, scenario="SingleStream") / "performance" / "run_1"
    with (logs / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", "another", is_error=True))

    assert reached(logs) is None
    assert reached(tmp_path) is None


@dataclass
class Runs:
    """Plays runs: each leaves the logs that it is given, or is rejected with them."""

    logs: list[Path]
    rejected: list[bool]
    confs: list[str] = field(default_factory=list)

    def __call__(self, wanted: HarnessRun) -> dict[str, float]:
        number = len(self.confs)
        self.confs.append(wanted.options.user_conf.read_text("utf-8"))
        place = wanted.folder.rejected(wanted.mode) if self.rejected[number] else wanted.folder.logs(wanted.mode)
        place.mkdir(parents=True, exist_ok=True)
        for path in self.logs[number].iterdir():
            (place / path.name).write_bytes(path.read_bytes())
        if self.rejected[number]:
            raise StepFailed("it was wrong")
        return {}


@pytest.fixture
def wanted(tmp_path: Path) -> HarnessRun:
    (tmp_path / "user.conf").write_text(
        "bert.Offline.target_qps = 20\nbert.SingleStream.target_latency = 50\nbert.*.min_duration = 10000\n", "utf-8"
    )
    return HarnessRun(ResultFolder(tmp_path / "result"), "TEST01", run_options(tmp_path), ("python",))


def test_an_offline_run_that_was_too_short_is_run_again_for_a_tenth_more(tmp_path: Path, wanted: HarnessRun) -> None:
    whole = foreign(tmp_path / "whole") / "performance" / "run_1"
    short = foreign(tmp_path / "short") / "performance" / "run_1"
    edit(short, '"result_min_duration_met", "value": true', '"result_min_duration_met", "value": false')
    runs, said = Runs([short, whole], [False, False]), []

    target = run_and_once_more(runs, said.append, wanted, tmp_path / "new.conf")

    assert target == {"target_qps": 109.5}
    assert len(said) == 1
    assert runs.confs[1].splitlines()[0] == "bert.Offline.target_qps = 120.45"
    assert runs.confs[1].splitlines()[1:] == runs.confs[0].splitlines()[1:]


def test_a_run_that_ran_out_of_queries_is_run_again_for_its_own_latency(tmp_path: Path, wanted: HarnessRun) -> None:
    whole = foreign(tmp_path / "whole", scenario="SingleStream") / "performance" / "run_1"
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    runs = Runs([out, whole], [True, False])

    target = run_and_once_more(runs, lambda _: None, wanted, tmp_path / "new.conf")

    assert target == {"target_latency_ms": 12.0}
    assert "bert.SingleStream.target_latency = 4.8\n" in runs.confs[1]


def test_a_run_is_run_again_once_and_its_failure_is_told(tmp_path: Path, wanted: HarnessRun) -> None:
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    runs = Runs([out, out], [True, True])

    with pytest.raises(StepFailed, match="it was wrong"):
        run_and_once_more(runs, lambda _: None, wanted, tmp_path / "new.conf")

    assert len(runs.confs) == 2


def test_what_an_earlier_run_left_rejected_is_not_taken_for_this_ones(tmp_path: Path, wanted: HarnessRun) -> None:
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    wanted.folder.root.mkdir()
    out.rename(wanted.folder.rejected("TEST01"))

    def killed(_wanted: HarnessRun) -> dict[str, float]:
        raise StepFailed("it was killed")

    with pytest.raises(StepFailed, match="it was killed"):
        run_and_once_more(killed, lambda _: None, wanted, tmp_path / "new.conf")
