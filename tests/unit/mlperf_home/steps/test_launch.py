"""A noisy run is repeated if that is wanted, and the least disturbed is kept; nothing is lost on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness_jobs import run_options
from results_logs import SESSION

from mlperf_home.measurements.layout import ResultFolder
from mlperf_home.steps.launch import HarnessRun, run_harness
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class _Completed:
    ok: bool = True
    exit_code: int | None = 0
    last_lines: tuple[str, ...] = ()

    def require_success(self) -> _Completed:
        return self


@dataclass
class FakeHarness:
    """Writes what the harness writes; each run is as disturbed as the next number says, None fails."""

    disturbances: list[float | None]
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, argv: Sequence[object], **_how: Any) -> _Completed:
        job = json.loads(Path(str(argv[-1])).read_text("utf-8"))
        disturbance = self.disturbances[len(self.jobs)]
        self.jobs.append(job)
        if disturbance is None:
            return _Completed(ok=False, exit_code=71, last_lines=("mlperf-home: it was killed",))
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
def wanted(tmp_path: Path) -> HarnessRun:
    for name in ("user.conf", "mlperf.conf"):
        (tmp_path / name).write_text(name, "utf-8")
    options = run_options(tmp_path, calibration_path=tmp_path / "state" / "calibration.json")
    folder = ResultFolder(tmp_path / "result")
    folder.root.mkdir()
    return HarnessRun(folder, "performance", options, ("python",), noise_repeats=2)


def kept(wanted: HarnessRun) -> dict[str, Any]:
    session: dict[str, Any] = json.loads(wanted.folder.session(wanted.mode).read_text("utf-8"))
    summary = (wanted.folder.logs(wanted.mode) / "mlperf_log_summary.txt").read_text("utf-8")
    assert summary == f"run {session['times']['run_s']:g}"
    assert not (wanted.folder.root / ".new").exists()
    return session


@pytest.mark.parametrize(
    ("disturbances", "run", "attempts"),
    [([0.5], 1, 1), ([3.0, 0.5], 2, 2), ([3.0, 2.0, 2.5], 2, 3), ([2.0, 3.0, 2.5], 1, 3), ([2.0, 0.9], 2, 2)],
)
def test_the_first_quiet_run_or_the_least_disturbed_is_kept(
    wanted: HarnessRun, disturbances: list[float | None], run: int, attempts: int
) -> None:
    harness = FakeHarness(disturbances)

    assert run_harness(harness, lambda _: None, wanted) == {"target_qps": 5.0}

    session = kept(wanted)
    assert (session["times"]["run_s"], len(harness.jobs)) == (run, attempts)
    told = [attempt["disturbance"] for attempt in session.get("attempts", [])]
    assert told == (disturbances if attempts > 1 else [])
    assert (wanted.folder.root / "user.conf").exists()


def test_it_is_told_why_a_run_is_repeated(wanted: HarnessRun) -> None:
    said: list[str] = []
    run_harness(FakeHarness([3.0, 2.0, 4.0]), said.append, wanted)

    noisy = [line for line in said if line.startswith("the run is noisy: ")]
    assert len(noisy) == 3
    assert noisy[0].endswith("it is repeated, at most 2 times more")
    assert noisy[2].endswith("the least disturbed run is kept")


def test_a_repetition_that_fails_leaves_the_run_that_is_there(wanted: HarnessRun) -> None:
    with pytest.raises(StepFailed, match="it was killed"):
        run_harness(FakeHarness([3.0, None]), lambda _: None, wanted)

    assert kept(wanted)["times"]["run_s"] == 1
    assert wanted.folder.complete("performance")


@pytest.mark.parametrize("run", ["accuracy", "find-performance"])
def test_only_performance_is_repeated(wanted: HarnessRun, run: str) -> None:
    harness = FakeHarness([3.0])

    run_harness(harness, lambda _: None, replace(wanted, mode=run))

    assert len(harness.jobs) == 1
    assert "noise_repeats" not in harness.jobs[0]


def test_the_logs_that_loadgen_found_wrong_are_where_the_error_says(wanted: HarnessRun) -> None:
    def rejecting(argv: Sequence[object], **_how: Any) -> _Completed:
        job = json.loads(Path(str(argv[-1])).read_text("utf-8"))
        rejected = Path(job["out_dir"] + ".rejected")
        rejected.mkdir(parents=True)
        (rejected / "mlperf_log_detail.txt").write_text("wrong", "utf-8")
        return _Completed(ok=False, exit_code=70, last_lines=(f"mlperf-home: wrong (the logs are kept in {rejected})",))

    with pytest.raises(StepFailed) as failed:
        run_harness(rejecting, lambda _: None, wanted)

    told = Path(str(failed.value).partition("kept in ")[2].rstrip(")"))
    assert (told / "mlperf_log_detail.txt").read_text("utf-8") == "wrong"
    assert told.name.startswith("."), "hidden, so that it is no result"
    assert not (wanted.folder.root / ".new").exists()
