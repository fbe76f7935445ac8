"""SingleStream's 90th percentile with against without a fleet, in pairs whose order alternates.

    python benchmarks/fleet_p90.py [--pairs=20] [--queries=4000] [--json=FILE]

Run it in an environment with LoadGen and LiteRT. Both ways run the same command on the same CPU, the last one: by a
plain child process, or as a unit of a fleet on a real sshd. The fleet's controller has the other CPUs, as if it were
another computer. It exits with 1 unless the interval of the median ratio holds 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from fleets import StubFleet
from rounds import WayComparison, load_before
from ssh_machines import Bench, ssh_bench

from mlperf_home.loadgen_logs.run_log import read_run

WITH, WITHOUT = "as a unit of a fleet", "by a plain process"
_CONFIDENCE = 0.95
_WORDS = (
    "run", "script", "--tags=run,mlperf,mobilenet,tflite,_sample,_performance-only", "--scenario=SingleStream",
    "--execution_mode=test", "--adr.sample-dataset.images=60",
    *(f"--adr.{name}.environment={sys.executable}" for name in ("workload-environment", "image-environment")),
)  # fmt: skip


class Pairs:
    """Both ways to run one command."""

    def __init__(self, root: Path, bench: Bench, queries: int, cpu: int) -> None:
        self._root, self._bench, self._cpu = root, bench, cpu
        self._words = (*_WORDS, f"--test_query_count={queries}")
        self._machine = bench.machines["a"].entry(cpuset=str(cpu))
        self._cache = Path(self._machine.folder) / "cache"
        self._count = 0

    def without(self) -> float:
        """Run the command alone; return its 90th percentile in microseconds."""
        home = self._next_folder()
        environment = {
            **os.environ, "CM_REPOS": str(home), "MLPERF_HOME_CACHE": str(self._cache), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "mlperf_home", *self._words, "--out=json"],
            check=True, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=self._keep_to_cpu,
        )  # fmt: skip
        return _p90_us(home)

    def with_fleet(self) -> float:
        """Run the command as the unit of a new fleet; return its 90th percentile in microseconds."""
        name = self._next_folder().name
        fleet = StubFleet(self._bench, self._root / "fleets" / name, (), name=name)
        fleet.machines = (self._machine,)
        units = fleet.units(*self._words[2:])
        fleet.run("run", units)
        if fleet.states(units) != ["done"]:
            raise SystemExit(f"the unit is not done: {fleet.lines()[-1].note}")
        return _p90_us(Path(self._machine.folder) / "units" / f"{units[0].digest[:32]}-1")

    def install(self) -> None:
        """Make this environment the machine's own."""
        fleet = StubFleet(self._bench, self._root / "first", (self._machine,))
        (python,) = Path(fleet.machines[0].folder).glob("environments/*/bin/python")
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")

    def _next_folder(self) -> Path:
        self._count += 1
        folder = self._root / f"run-{self._count}"
        folder.mkdir()
        return folder

    def _keep_to_cpu(self) -> None:
        os.sched_setaffinity(0, {self._cpu})


def median_interval(values: list[float], confidence: float = _CONFIDENCE) -> tuple[float, float, float]:
    """Return an interval of the median by ranks, whatever the distribution, and the confidence that it has."""
    ordered, count = sorted(values), len(values)
    below, outside = 0, 0.5**count
    while below + 1 < (count + 1) // 2 and 2 * (outside + math.comb(count, below + 1) * 0.5**count) <= 1 - confidence:
        below += 1
        outside += math.comb(count, below) * 0.5**count
    return ordered[below], ordered[count - 1 - below], 1 - 2 * outside


def main() -> int:
    """Measure the pairs, print the ratio with its interval; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--queries", type=int, default=4000)
    parser.add_argument("--json", type=Path)
    order = parser.parse_args()
    load, cpus = load_before(), os.sched_getaffinity(0)
    if len(cpus) > 1:
        os.sched_setaffinity(0, cpus - {max(cpus)})
    comparison = WayComparison("us (p90)")
    with tempfile.TemporaryDirectory() as name, ssh_bench(Path(name) / "bench") as bench:
        bench.add("a")
        pairs = Pairs(Path(name), bench, order.queries, max(cpus))
        pairs.install()
        comparison.run({WITH: pairs.with_fleet, WITHOUT: pairs.without}, order.pairs)
    ratios = [a / b for a, b in zip(comparison.figures[WITH], comparison.figures[WITHOUT], strict=True)]
    low, high, confidence = median_interval(ratios)
    for way, figures in comparison.figures.items():
        print(f"{way:25} median p90 {statistics.median(figures):.1f} us ({min(figures):.1f} to {max(figures):.1f})")
    interval = f"{100 * confidence:.1f} % interval {low:.4f} to {high:.4f}"
    print(f"with / without: {statistics.median(ratios):.4f}, {interval}, {len(ratios)} pairs; load before {load:.1f}")
    if order.json:
        facts = {"figures": comparison.figures, "ratios": ratios, "interval": [low, high], "load": load}
        order.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0 if low <= 1 <= high else 1


def _p90_us(folder: Path) -> float:
    (detail,) = folder.rglob("performance/**/mlperf_log_detail.txt")
    return read_run(detail.parent).percentiles_ns["90.00"] / 1e3


if __name__ == "__main__":
    sys.exit(main())
