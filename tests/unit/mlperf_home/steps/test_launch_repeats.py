"""A run that ends too early is repeated with corrected targets, a few times; no other run is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from harness_jobs import run_options
from submission_results import foreign
from submission_tree import log_line

from mlperf_home.harness.short_runs import MOST_REPEATS, CorrectedTarget, corrected_target
from mlperf_home.measurements.layout import ResultFolder
from mlperf_home.steps.launch import HarnessRun, run_with_retry
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
def test_the_target_of_a_short_run_is_its_rate(tmp_path: Path, scenario: str, met: str, rate: float | None) -> None:
    logs = foreign(tmp_path, scenario=scenario) / "performance" / "run_1"
    edit(logs, '"result_min_duration_met", "value": true', f'"result_min_duration_met", "value": {met}')

    corrected = corrected_target(logs)

    assert (corrected and corrected.target) == (rate and {"target_qps": rate})


@pytest.mark.parametrize(("scenario", "latency_ms"), [("SingleStream", 12.0), ("MultiStream", 96.0)])
def test_the_target_without_queries_left_is_the_latency(tmp_path: Path, scenario: str, latency_ms: float) -> None:
    logs = foreign(tmp_path, scenario=scenario) / "performance" / "run_1"
    assert corrected_target(logs) is None
    with (logs / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))

    corrected = corrected_target(logs)

    assert corrected is not None
    assert corrected.target == {"target_latency_ms": latency_ms}


def test_other_errors_are_no_reason_to_repeat_a_run(tmp_path: Path) -> None:
    logs = foreign(tmp_path, scenario="SingleStream") / "performance" / "run_1"
    with (logs / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", "another", is_error=True))

    assert corrected_target(logs) is None
    assert corrected_target(tmp_path) is None


@dataclass
class Runs:
    """Fake runs: each leaves the next logs, or is rejected with them."""

    logs: list[Path]
    rejected: list[bool]
    confs: list[str] = field(default_factory=list)

    def __call__(self, harness_run: HarnessRun) -> dict[str, float]:
        number = len(self.confs)
        self.confs.append(harness_run.options.user_conf.read_text("utf-8"))
        place = (
            harness_run.folder.rejected(harness_run.mode)
            if self.rejected[number]
            else harness_run.folder.logs(harness_run.mode)
        )
        place.mkdir(parents=True, exist_ok=True)
        for path in self.logs[number].iterdir():
            (place / path.name).write_bytes(path.read_bytes())
        if self.rejected[number]:
            raise StepFailed("it was wrong")
        return {}


@pytest.fixture
def harness_run(tmp_path: Path) -> HarnessRun:
    (tmp_path / "user.conf").write_text(
        "bert.Offline.target_qps = 20\nbert.SingleStream.target_latency = 50\nbert.*.min_duration = 10000\n", "utf-8"
    )
    return HarnessRun(ResultFolder(tmp_path / "result"), "TEST01", run_options(tmp_path), ("python",))


def test_a_short_offline_run_is_repeated_with_a_margin(tmp_path: Path, harness_run: HarnessRun) -> None:
    whole = foreign(tmp_path / "whole") / "performance" / "run_1"
    short = foreign(tmp_path / "short") / "performance" / "run_1"
    edit(short, '"result_min_duration_met", "value": true', '"result_min_duration_met", "value": false')
    runs, warnings = Runs([short, whole], [False, False]), []

    target = run_with_retry(runs, warnings.append, harness_run, tmp_path / "new.conf")

    assert target == {"target_qps": 109.5}
    assert len(warnings) == 1
    assert runs.confs[1].splitlines()[0] == "bert.Offline.target_qps = 120.450000"
    assert runs.confs[1].splitlines()[1:] == runs.confs[0].splitlines()[1:]


def test_a_run_out_of_queries_is_repeated_with_its_latency(tmp_path: Path, harness_run: HarnessRun) -> None:
    whole = foreign(tmp_path / "whole", scenario="SingleStream") / "performance" / "run_1"
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    runs = Runs([out, whole], [True, False])

    target = run_with_retry(runs, lambda _: None, harness_run, tmp_path / "new.conf")

    assert target == {"target_latency_ms": 12.0}
    assert "bert.SingleStream.target_latency = 4.800000\n" in runs.confs[1]


def test_repetitions_of_a_run_are_bounded(tmp_path: Path, harness_run: HarnessRun) -> None:
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    runs = Runs([out] * 9, [True] * 9)

    with pytest.raises(StepFailed, match="it was wrong"):
        run_with_retry(runs, lambda _: None, harness_run, tmp_path / "new.conf")

    assert len(runs.confs) == 1 + MOST_REPEATS


def short_run(tmp_path: Path, name: str, rate: float, target: float, scenario: str = "Offline") -> Path:
    logs = foreign(tmp_path / name, scenario=scenario) / "performance" / "run_1"
    edit(logs, '"result_min_duration_met", "value": true', '"result_min_duration_met", "value": false')
    if scenario == "Offline":
        edit(logs, '"result_samples_per_second", "value": 109.5', f'"result_samples_per_second", "value": {rate}')
        edit(logs, '"effective_target_qps", "value": 100', f'"effective_target_qps", "value": {target}')
    return logs


def test_a_run_is_repeated_until_it_is_long_enough(tmp_path: Path, harness_run: HarnessRun) -> None:
    whole = foreign(tmp_path / "whole") / "performance" / "run_1"
    # The machine gets faster each time; the last target was enough for its rate, but the run was short nevertheless.
    logs = [short_run(tmp_path, *each) for each in (("a", 50, 20), ("b", 80, 55), ("c", 80, 88))]
    runs, warnings = Runs([*logs, whole], [False] * 4), []

    target = run_with_retry(runs, warnings.append, harness_run, tmp_path / "new.conf")

    targets = [float(conf.splitlines()[0].rpartition(" ")[2]) for conf in runs.confs]
    assert targets == pytest.approx([20, 55, 88, 96.8])
    assert target == {"target_qps": 80}
    assert [f"at most {left} times" in text for left, text in zip((3, 2, 1), warnings, strict=True)] == [True] * 3


def test_a_run_that_stays_too_short_is_kept_and_told(tmp_path: Path, harness_run: HarnessRun) -> None:
    logs = [short_run(tmp_path, str(number), 50, 50 * 1.1**number) for number in range(1 + MOST_REPEATS)]
    runs, warnings = Runs(logs, [False] * len(logs)), []

    run_with_retry(runs, warnings.append, harness_run, tmp_path / "new.conf")

    assert len(runs.confs) == len(logs)
    assert "still too short after 3 repetitions" in warnings[-1]


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream"])
def test_a_short_stream_is_repeated_with_its_latency(tmp_path: Path, scenario: str) -> None:
    corrected = corrected_target(short_run(tmp_path, "a", 0, 0, scenario))

    assert corrected is not None
    assert corrected.conf_key == f"{scenario}.target_latency"
    assert corrected.conf_value < corrected.target["target_latency_ms"] / 2


@pytest.mark.parametrize("value", [0.00002, 1234567.8])
def test_targets_are_written_as_plain_decimals(value: float) -> None:
    corrected = CorrectedTarget({}, "Offline.target_qps", value, "")

    text = corrected.apply("bert.Offline.target_qps = 1\nbert.Offline.min_duration = 2\n")

    assert "e" not in text.partition("= ")[2].splitlines()[0]
    assert text.endswith("\nbert.Offline.min_duration = 2\n")


def test_a_server_run_keeps_its_rate(tmp_path: Path) -> None:
    assert corrected_target(short_run(tmp_path, "a", 0, 0, "Server")) is None


def test_rejected_logs_of_an_earlier_run_are_ignored(tmp_path: Path, harness_run: HarnessRun) -> None:
    out = foreign(tmp_path / "out", scenario="SingleStream") / "performance" / "run_1"
    with (out / "mlperf_log_detail.txt").open("a", encoding="utf-8") as file:
        file.write(log_line("error", RAN_OUT, is_error=True))
    harness_run.folder.root.mkdir()
    out.rename(harness_run.folder.rejected("TEST01"))

    def killed(_request: HarnessRun) -> dict[str, float]:
        raise StepFailed("it was killed")

    with pytest.raises(StepFailed, match="it was killed"):
        run_with_retry(killed, lambda _: None, harness_run, tmp_path / "new.conf")
