"""The first quiet performance run confirms a kept calibration, or has it made anew."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.runs.grids import (
    Calibration,
    CalibrationKey,
    Candidates,
    Disturbance,
    Doubt,
    Grid,
    Speed,
    calibration_words,
)
from mlperf_home.contracts.runs.job import decode_job
from mlperf_home.contracts.runs.readings import Noise
from mlperf_home.harness import session as session_module
from mlperf_home.harness.calibrations import confirm, find_calibration, keep_calibration

if TYPE_CHECKING:
    from pathlib import Path

    from harness_jobs import MakeJob

    from mlperf_home.contracts.runs.job import Job

KEY = CalibrationKey(
    model_sha256="ab",
    backend="litert",
    backend_version="2.3.0",
    options={},
    cores=2,
    processor=None,
    candidates=Candidates(lengths=(), threads=(1, 2)),
)
# 1 thread needs 2 ms.
MADE = Calibration(
    grid=Grid(),
    measured=(Speed(0, 1, 1, 500.0, 100, threads=1), Speed(0, 1, 1, 400.0, 100, threads=2)),
    skipped=(),
    elapsed_s=10.0,
    threads=1,
    chosen="1 thread",
    doubt=Doubt("2 threads", 25.0, 1.0, 3.0),
    disturbance=Disturbance(),
    budget_s=60.0,
    settled=True,
    made_utc="2026-12-01T10:00:00+00:00",
)


QUIET = Noise((), 0.1)


def tried(
    job: Job, p90_ms: float, *, run_s: float = 20.0, noise: Noise | None = QUIET, made: Calibration = MADE
) -> Calibration | None:
    """Return the calibration after a SingleStream run."""
    opened: Any = SimpleNamespace(
        chosen=SimpleNamespace(calibration=made, key=KEY), samples=SimpleNamespace(lengths=None)
    )
    result: Any = SimpleNamespace(percentiles_ns={"90.00": p90_ms * 1e6}, values={})
    ran: Any = SimpleNamespace(run_s=run_s)
    return session_module._tried(job, opened, ran, result, noise)


@pytest.fixture
def job(make_job: MakeJob, tmp_path: Path) -> Job:
    document = make_job("SingleStream").document
    return decode_job({**document, "calibration_path": str(tmp_path / "kept.json")})


@pytest.mark.parametrize(("p90_ms", "confirmed"), [(2.0, True), (2.5, True), (3.0, False)])
def test_a_run_confirms_the_promise_or_does_not(job: Job, p90_ms: float, confirmed: bool) -> None:
    assert job.calibration_path is not None
    keep_calibration(job.calibration_path, KEY, MADE)
    calibration = tried(job, p90_ms)
    assert calibration is not None
    assert calibration.confirmation is not None
    assert calibration.confirmation.confirmed is confirmed
    assert calibration.unconfirmed == (not confirmed)
    assert find_calibration(job.calibration_path, KEY) == calibration
    assert ("unconfirmed: a run" if not confirmed else "confirmed by a run") in calibration_words(calibration)


@pytest.mark.parametrize("change", [{"run_s": 3.0}, {"noise": Noise(("other programs",), 3.0)}, {"noise": None}])
def test_a_short_or_disturbed_run_confirms_nothing(job: Job, change: dict[str, Any]) -> None:
    assert tried(job, 9.0, **change) == MADE
    assert job.calibration_path is not None
    assert not job.calibration_path.exists()


def test_only_the_first_run_is_compared(job: Job) -> None:
    confirmed = confirm(MADE, 500.0, 480.0)
    assert tried(job, 9.0, made=confirmed) == confirmed


def test_another_calibration_of_the_file_stays(job: Job) -> None:
    assert job.calibration_path is not None
    for version in ("2.2.0", "2.3.0", "2.3.0"):
        key = CalibrationKey(
            **{**{name: getattr(KEY, name) for name in KEY.__struct_fields__}, "backend_version": version}
        )
        keep_calibration(job.calibration_path, key, replace(MADE, budget_s=1.0))
        assert find_calibration(job.calibration_path, key) == replace(MADE, budget_s=1.0)
    assert job.calibration_path.read_text("utf-8").count('"backend_version"') == 2
