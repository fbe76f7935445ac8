"""Jobs on disk for the stub engine, and harness processes that run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.runs.job import BackendChoice, DatasetChoice, JobOptions

HERE = Path(__file__).parent

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
        """Return the files under the result's folder that are not inputs."""
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
        command = [sys.executable, str(BOOTSTRAP), "mlperf_home.harness", "--job", str(self.root / "job.json")]
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
        """Return the exit status, the progress lines, and the last line of standard error."""
        process = self.start()
        out, err = process.communicate(timeout=120)
        return process.returncode, [json.loads(line) for line in out.splitlines()], (err.splitlines() or [""])[-1]


MakeJob = Callable[..., JobFolder]
"""`make_job(scenario="Offline", mode="performance", count=200)`."""


def run_options(root: Path, **changes: Any) -> JobOptions:
    """Return the options of a run in a folder; its files need not exist."""
    options: dict[str, Any] = {
        "round": "v3.1",
        "benchmark": "bert-99",
        "scenario": "Offline",
        "backend": BackendChoice(name="echo", model_path=root / "model.onnx"),
        "dataset": DatasetChoice(kind="squad", path=root / "features"),
        "user_conf": root / "user.conf",
        "mlperf_conf": root / "mlperf.conf",
        "work_dir": root / "work",
        "calibration_path": None,
        "stall_timeout_s": 300.0,
        "sample": True,
    }
    return JobOptions(**{**options, **changes})
