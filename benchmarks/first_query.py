"""Compare the time from a cached `cm run` to LoadGen's first query with that of the harness alone.

Run `python benchmarks/first_query.py` in an environment with `cm`, this package, LiteRT, LoadGen and OpenCV. The
harness alone is `python -m mlperf_home.harness` with the same job. Both are timed until the line that reports LoadGen's
start.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rounds import Goal, WayComparison, load_before, report
from work_folder import work_folder

_CM, _ALONE = "cm run, all cached", "the harness alone"
_GOALS = (Goal("cm run / the harness alone", _CM, (_ALONE,), 2.0, at_most=True),)


def main() -> int:
    """Fill the cache and compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    load, folder = load_before(), work_folder()
    command = _command(folder)
    environment = {**os.environ, "CM_REPOS": str(folder / "cm")}
    (folder / "cm").mkdir()
    checkout = Path(__file__).parents[1]
    subprocess.run([command[0], "add", "repo", f"--path={checkout}"], env=environment, check=False, capture_output=True)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    job = _kept_job(folder)
    alone = [sys.executable, "-m", "mlperf_home.harness", "--job", str(job)]
    comparison = WayComparison("s")
    comparison.run(
        {
            _CM: lambda: _until(command, environment, "LoadGen runs"),
            _ALONE: lambda: _until(alone, environment, "running"),
        },
        options.rounds,
    )
    reached = report(comparison, _GOALS, {"load_before": load}, options.json)
    return 0 if reached else 1


def _command(folder: Path) -> list[str]:
    environments = ("workload-environment", "image-environment")
    return [
        str(Path(sys.executable).with_name("cm")), "run", "script",
        "--tags=run,mlperf,mobilenet,tflite,_sample,_performance-only,_litert", "--execution_mode=test", "--rerun",
        "--adr.sample-dataset.images=60", *(f"--adr.{name}.environment={sys.executable}" for name in environments),
        f"--results_dir={folder / 'results'}",
    ]  # fmt: skip


def _kept_job(folder: Path) -> Path:
    """Write a job from the first run's session and return its path."""
    session = json.loads(next((folder / "results").rglob("performance-session.json")).read_text())
    facts = session["job"]
    (folder / "user.conf").write_text(facts["user_conf"])
    rules = next((folder / "results").rglob("mlperf.conf"))
    keys = ("model_path", "options", "lengths", "batch_sizes", "streams", "cores")
    job: dict[str, Any] = {
        **{key: facts[key] for key in ("round", "benchmark", "loadgen_model", "scenario", "mode", "stall_timeout_s")},
        "backend": {"name": facts["backend"], **{key: facts[key] for key in keys}},
        "dataset": {"kind": facts["dataset_kind"], "path": facts["dataset_path"]},
        "user_conf": str(folder / "user.conf"), "mlperf_conf": str(rules), "work_dir": str(folder),
        "out_dir": str(folder / "out"), "session_path": str(folder / "session.json"), "calibration_path": None,
        "sample": True,
    }  # fmt: skip
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def _until(command: list[str], environment: dict[str, str], marker: str) -> float:
    """Time a command until it prints `marker`, then wait for its end."""
    out = Path(environment["CM_REPOS"]).with_name("out")
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    elapsed_s = 0.0
    for line in process.stdout or ():
        if not elapsed_s and marker in line:
            elapsed_s = time.perf_counter() - started
    if process.wait() or not elapsed_s:
        raise SystemExit(f"{' '.join(command)}: failed or never printed {marker!r}; run it alone to see its error")
    return elapsed_s


if __name__ == "__main__":
    sys.exit(main())
