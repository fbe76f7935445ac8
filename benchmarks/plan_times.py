"""Compare the expected time of the sample workflows with the truth.

Run `python benchmarks/plan_times.py` in an environment with `cm` and this package. Each workflow runs once in a home of
the benchmark's own, so that this machine knows its speeds, and then several times with `--rerun`. Before each of these
the plan states its time. The goal: truth and the middle of the bounds are within a factor of 1.5 in nine of ten runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rounds import load_before
from work_folder import work_folder

_WORKFLOWS = {
    "bert, Offline": "run,mlperf,bert-99,deepsparse,_sample",
    "bert, SingleStream": "run,mlperf,bert-99,deepsparse,_sample --scenario=SingleStream",
    "one mobilenet": "run,mlperf,mobilenet,tflite,_sample",
    "eight mobilenets": "run,mobilenet-models,_sample",
}
_FACTOR, _SHARE = 1.5, 0.9


def main() -> int:
    """Run the workflows and compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    load, folder = load_before(), work_folder()
    (folder / "cm").mkdir()
    environment = {**os.environ, "CM_REPOS": str(folder / "cm")}
    cm = str(Path(sys.executable).with_name("cm"))
    subprocess.run(
        [cm, "add", "repo", f"--path={Path(__file__).parents[1]}"], env=environment, check=False, capture_output=True
    )
    rows: list[dict[str, Any]] = []
    for name, words in _WORKFLOWS.items():
        command = [cm, "run", "script", *f"--tags={words}".split(), "--rerun"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        for _ in range(options.rounds):
            rows.append({"workflow": name, **_compare(command, environment)})
            low, high, took = (rows[-1][key] for key in ("low_s", "high_s", "took_s"))
            print(f"{name:20}  expected {low:6.1f} to {high:6.1f} s  took {took:6.1f} s", flush=True)
    within = sum(1 / _FACTOR <= 2 * each["took_s"] / (each["low_s"] + each["high_s"]) <= _FACTOR for each in rows)
    print(f"within a factor of {_FACTOR}: {within} of {len(rows)}")
    if options.json:
        options.json.write_text(json.dumps({"load_before": load, "rows": rows, "within": within}, indent=1))
    return 0 if within >= _SHARE * len(rows) else 1


def _compare(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Return the bounds of the plan and the time of the run, in seconds."""
    planned = subprocess.run(
        [*command, "--plan", "--out=json"], env=environment, check=True, capture_output=True, text=True
    )
    expected = json.loads(planned.stdout)["plan"]["expected_time"]
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return {"low_s": expected["low_s"], "high_s": expected["high_s"], "took_s": time.monotonic() - started}


if __name__ == "__main__":
    sys.exit(main())
