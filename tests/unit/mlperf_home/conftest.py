"""A folder with a job for the stub engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness_jobs import SHORT, JobFolder

from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness_jobs import MakeJob


@pytest.fixture
def make_job(tmp_path: Path) -> Iterator[MakeJob]:
    """Make a job for a scenario and mode, short and VALID with the stub engine."""

    made: list[JobFolder] = []

    def make(scenario: str = "Offline", mode: str = "performance", count: int = 200) -> JobFolder:
        (tmp_path / "mlperf.conf").write_text(mlperf_conf(load_round("v3.1")), "utf-8")
        (tmp_path / "work").mkdir()
        lines = "".join(f"bert.{scenario}.{key} = {value}\n" for key, value in SHORT[scenario].items())
        document = {
            "round": "v3.1",
            "benchmark": "bert-99",
            "loadgen_model": "bert",
            "scenario": scenario,
            "mode": mode,
            "backend": {
                "name": "harness_stub:StubBackend",
                "model_path": str(tmp_path / "mlperf.conf"),
                "options": {},
                "lengths": [64, 128, 192, 384],
                "batch_sizes": [4],
                "streams": 2,
                "cores": None,
            },
            "dataset": {"kind": "harness_stub:StubSamples", "path": str(tmp_path / str(count))},
            "user_conf": str(tmp_path / "user.conf"),
            "mlperf_conf": str(tmp_path / "mlperf.conf"),
            "work_dir": str(tmp_path / "work"),
            "out_dir": str(tmp_path / "performance" / "run_1"),
            "session_path": str(tmp_path / "session.json"),
            "calibration_path": None,
            "stall_timeout_s": 60,
            "sample": True,
        }
        made.append(JobFolder(tmp_path, document).set_conf(lines))
        return made[-1]

    yield make
    for process in (process for job in made for process in job.processes):
        process.kill()
        process.communicate()
