"""A noisy run is repeated on request; the least disturbed run is kept, and no failure loses a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness_jobs import run_options
from results_logs import SESSION

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.progress import FailedEvent
from mlperf_home.measurements.layout import ResultFolder
from mlperf_home.steps.launch import HarnessRun, run_harness
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class _Completed:
    ok: bool = True
    exit_code: int | None = 0
    last_lines: tuple[str, ...] = ()

    def require_success(self) -> _Completed:
        return self


@dataclass
class FakeHarness:
    """A fake harness; each run has the next disturbance, or fails if it is None."""

    disturbances: list[float | None]
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, argv: Sequence[object], on_line: Callable[[str], None], **_options: Any) -> _Completed:
        job = json.loads(Path(str(argv[-1])).read_text("utf-8"))
        disturbance = self.disturbances[len(self.jobs)]
        self.jobs.append(job)
        if disturbance is None:
            on_line(to_line(FailedEvent(message="it was killed")))
            return _Completed(ok=False, exit_code=71)
        logs = Path(job["out_dir"])
        logs.mkdir(parents=True)
        (logs / "mlperf_log_summary.txt").write_text(f"run {len(self.jobs)}", "utf-8")
        because = [f"disturbed {disturbance:g} times the limit"] if disturbance > 1 else []
        noise = {"noisy_because": because, "disturbance": disturbance, "reason": None}
        times = {**SESSION["times"], "run_s": len(self.jobs)}
        session = {**SESSION, "times": times, "noise": noise, "target": {"target_qps": 5.0}}
        Path(job["session_path"]).write_text(json.dumps(session), "utf-8")
        return _Completed()


@pytest.fixture
def harness_run(tmp_path: Path) -> HarnessRun:
    for name in ("user.conf", "mlperf.conf"):
        (tmp_path / name).write_text(name, "utf-8")
    options = run_options(tmp_path, calibration_path=tmp_path / "state" / "calibration.json")
    folder = ResultFolder(tmp_path / "result")
    folder.root.mkdir()
    return HarnessRun(folder, "performance", options, ("python",), noise_repeats=2)


def kept(harness_run: HarnessRun) -> dict[str, Any]:
    session: dict[str, Any] = json.loads(harness_run.folder.session(harness_run.mode).read_text("utf-8"))
    summary = (harness_run.folder.logs(harness_run.mode) / "mlperf_log_summary.txt").read_text("utf-8")
    assert summary == f"run {session['times']['run_s']:g}"
    assert not (harness_run.folder.root / ".new").exists()
    return session


@pytest.mark.parametrize(
    ("disturbances", "run", "attempts"),
    [([0.5], 1, 1), ([3.0, 0.5], 2, 2), ([3.0, 2.0, 2.5], 2, 3), ([2.0, 3.0, 2.5], 1, 3), ([2.0, 0.9], 2, 2)],
)
def test_the_first_quiet_run_or_the_least_disturbed_is_kept(
    harness_run: HarnessRun, disturbances: list[float | None], run: int, attempts: int
) -> None:
    harness = FakeHarness(disturbances)

    assert run_harness(harness, lambda _: None, harness_run) == {"target_qps": 5.0}

    session = kept(harness_run)
    assert (session["times"]["run_s"], len(harness.jobs)) == (run, attempts)
    recorded = [attempt["disturbance"] for attempt in session.get("attempts", [])]
    assert recorded == (disturbances if attempts > 1 else [])
    assert (harness_run.folder.root / "user.conf").exists()


def test_the_reason_of_a_repetition_is_reported(harness_run: HarnessRun) -> None:
    messages: list[str] = []
    run_harness(FakeHarness([3.0, 2.0, 4.0]), messages.append, harness_run)

    noisy = [line for line in messages if line.startswith("the run is noisy: ")]
    assert len(noisy) == 3
    assert noisy[0].endswith("it is repeated, at most 2 times more")
    assert noisy[2].endswith("the least disturbed run is kept")


def test_a_failed_repetition_keeps_the_earlier_run(harness_run: HarnessRun) -> None:
    with pytest.raises(StepFailed, match="it was killed"):
        run_harness(FakeHarness([3.0, None]), lambda _: None, harness_run)

    assert kept(harness_run)["times"]["run_s"] == 1
    assert harness_run.folder.complete("performance")


@pytest.mark.parametrize("run", ["accuracy", "find-performance"])
def test_only_performance_is_repeated(harness_run: HarnessRun, run: str) -> None:
    harness = FakeHarness([3.0])

    run_harness(harness, lambda _: None, replace(harness_run, mode=run))

    assert len(harness.jobs) == 1
    assert "noise_repeats" not in harness.jobs[0]


def test_rejected_logs_are_in_the_folder_that_the_error_names(harness_run: HarnessRun) -> None:
    def rejecting(argv: Sequence[object], on_line: Callable[[str], None], **_options: Any) -> _Completed:
        job = json.loads(Path(str(argv[-1])).read_text("utf-8"))
        rejected = Path(job["out_dir"] + ".rejected")
        rejected.mkdir(parents=True)
        (rejected / "mlperf_log_detail.txt").write_text("wrong", "utf-8")
        on_line(to_line(FailedEvent(message=f"wrong (the logs are kept in {rejected})")))
        return _Completed(ok=False, exit_code=70)

    with pytest.raises(StepFailed) as failed:
        run_harness(rejecting, lambda _: None, harness_run)

    folder = Path(str(failed.value).partition("kept in ")[2].rstrip(")"))
    assert (folder / "mlperf_log_detail.txt").read_text("utf-8") == "wrong"
    assert folder.name.startswith("."), "hidden, so it is not a result"
    assert not (harness_run.folder.root / ".new").exists()
