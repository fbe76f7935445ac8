"""Measure what a line every ten seconds would do to a run: context switches, CPU time, and the p90 of latencies.

Run `python benchmarks/progress_line.py`. One process on each usable CPU repeats a fixed piece of work and times it, as
SingleStream does. Beside them, a parent sleeps on a pipe; in every other run it also writes a line every ten seconds.
Pairs of runs alternate. The figures are the ratio of the p90 with the line to that without (median and its 95 %
interval by bootstrap), and the parent's context switches and CPU time from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

_WORK = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
end = time.monotonic() + float(sys.argv[2])
took = []
while (began := time.perf_counter_ns()) and time.monotonic() < end:
    sum(range(20000))
    took.append(time.perf_counter_ns() - began)
took.sort()
print(took[int(0.9 * len(took))])
"""
_LINE_S = 10.0


def main() -> int:
    """Run the pairs and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=21.0, help="seconds of one run")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    ratios: list[float] = []
    counters: dict[bool, list[tuple[int, float]]] = {True: [], False: []}
    for number in range(options.pairs):
        p90: dict[bool, float] = {}
        for lines in (True, False) if number % 2 else (False, True):
            p90[lines], switches, cpu_s = _run(options.seconds, lines=lines)
            counters[lines].append((switches, cpu_s))
        ratios.append(p90[True] / p90[False])
        print(f"pair {number + 1}: p90 with the line / without: {ratios[-1]:.4f}", flush=True)
    low, high = _interval(ratios)
    print(f"median {median(ratios):.4f}, 95 % interval {low:.4f} to {high:.4f}")
    for lines, seen in counters.items():
        switches = sum(each[0] for each in seen) / (options.pairs * options.seconds) * 60
        share = sum(each[1] for each in seen) / (options.pairs * options.seconds)
        print(f"{'with' if lines else 'without'} the line: {switches:.1f} switches a minute, {share:.3%} of a core")
    if options.json:
        options.json.write_text(json.dumps({"ratios": ratios, "interval": [low, high]}, indent=1))
    return 0


def _run(seconds: float, *, lines: bool) -> tuple[float, int, float]:
    """Return the mean p90 of the workers in ns, and the parent's context switches and CPU time meanwhile."""
    argv = [sys.executable, "-c", _WORK]
    workers = [
        subprocess.Popen([*argv, str(cpu), str(seconds)], stdout=subprocess.PIPE) for cpu in os.sched_getaffinity(0)
    ]
    before, began = _counters(), time.monotonic()
    pipes = [worker.stdout for worker in workers if worker.stdout]
    while time.monotonic() - began < seconds:
        left = seconds - (time.monotonic() - began)
        ready, _, _ = select.select(pipes, [], [], min(_LINE_S, left) if lines else left)
        if ready:
            break
        if lines:
            sys.stderr.write(f"\r{time.monotonic() - began:.0f} of at least {seconds:.0f} s")
            sys.stderr.flush()
    after = _counters()
    p90 = [float(worker.communicate()[0]) for worker in workers]
    return sum(p90) / len(p90), after[0] - before[0], after[1] - before[1]


def _counters() -> tuple[int, float]:
    """Return this process's voluntary and forced context switches, and its CPU time in seconds."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    switches = sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
    return switches, time.process_time()


def _interval(ratios: list[float]) -> tuple[float, float]:
    generator = random.Random(1)  # noqa: S311 - no cryptography
    medians = [median(generator.choices(ratios, k=len(ratios))) for _ in range(4000)]
    cuts = quantiles(medians, n=40)
    return cuts[0], cuts[-1]


if __name__ == "__main__":
    sys.exit(main())
