"""A folder with a job for the stub engine, and the harness's process on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import mlperf_home
from mlperf_home.rules import load_round, mlperf_conf

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # for harness_stub, which the harness's process imports as well

SHORT = {
    "Offline": {"target_qps": 100, "min_duration": 0, "min_query_count": 150},
    "SingleStream": {"target_latency": 1, "min_duration": 0, "min_query_count": 100},
    "MultiStream": {"target_latency": 1, "min_duration": 0, "min_query_count": 662},
    "Server": {"target_qps": 2000, "min_duration": 0, "min_query_count": 600},
}


@dataclass
class JobFolder:
    """A job on disk, ready to run; change `document` before `start`."""

    root: Path
    document: dict[str, Any] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def out_dir(self) -> Path:
        return self.root / "performance" / "run_1"

    @property
    def session(self) -> dict[str, Any]:
        return json.loads((self.root / "session.json").read_text("utf-8"))

    @property
    def error(self) -> dict[str, Any]:
        return json.loads((self.root / "session.error.json").read_text("utf-8"))

    def leftovers(self) -> list[str]:
        """Everything under the result's folder that is not input."""
        known = {"user.conf", "mlperf.conf", "job.json", "work", "work/pid", "performance", "session.error.json"}
        return sorted({str(path.relative_to(self.root)) for path in self.root.rglob("*")} - known)

    def set_options(self, **options: Any) -> JobFolder:
        self.document["backend"]["options"] = options
        return self

    def set_conf(self, text: str) -> JobFolder:
        (self.root / "user.conf").write_text(text, "utf-8")
        return self

    def start(self) -> subprocess.Popen[str]:
        (self.root / "job.json").write_text(json.dumps(self.document), "utf-8")
        bootstrap = Path(mlperf_home.__file__).parent / "bootstrap.py"
        command = [sys.executable, str(bootstrap), "mlperf_home.harness", "--job", str(self.root / "job.json")]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self) -> tuple[int, list[dict[str, Any]], str]:
        """Give exit status, progress lines, and the last line of standard error."""
        process = self.start()
        out, err = process.communicate(timeout=120)
        return process.returncode, [json.loads(line) for line in out.splitlines()], (err.splitlines() or [""])[-1]


@pytest.fixture
def make_job(tmp_path: Path):
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
