"""Measure how good the choices of fresh calibrations are, on this machine or on a simulated one.

Run `python benchmarks/calibration.py [--kind=bert] [--load=0.35]` in an environment with the engines. Each calibration
is that of a fresh home: a new process that keeps nothing. Between them, all candidates are measured again and again,
and the best choice is that of this long comparison. `--simulate` replaces the machine by the one of
tests/support/calibrated_machine.py, in many studies. It exits with 1 if an aim is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from multiprocessing import Process
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.grids import Grid, calibration_words
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, EngineSetup
from mlperf_home.engines.calibration.bench import EngineBench
from mlperf_home.engines.calibration.calibrate import calibrate
from mlperf_home.engines.calibration.choice import grids_of
from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.engines.calibration.race import Race
from mlperf_home.engines.calibration.shapes import default_candidates, grid_contest, thread_contest
from mlperf_home.engines.calibration.times import SliceTimes
from mlperf_home.engines.engine import usable_cores
from mlperf_home.samples.bert import MODELS as BERTS
from mlperf_home.samples.mobilenet import MODELS as CLASSIFIERS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from calibrated_machine import MoodyBench
from work_folder import work_folder

if TYPE_CHECKING:
    from mlperf_home.engines.calibration.shapes import Contest

KINDS = ("bert", "tflite")
# The budget in seconds, the largest loss, and the least share of calibrations within it.
_AIMS = ((60.0, 0.10, 0.9), (240.0, 0.03, 0.9))
_PERIOD_S = 0.05


class _Subject(NamedTuple):
    """An engine with its model and its candidates."""

    backend: str
    setup: EngineSetup
    contest: Contest
    lengths: tuple[int, ...]


def main() -> int:
    """Run the studies of each kind; return the exit code."""
    parser = argparse.ArgumentParser(description="the choices of fresh calibrations")
    parser.add_argument("--kind", choices=KINDS, action="append", help="the calibrations to make (default: both)")
    parser.add_argument("--homes", type=int, default=10, help="fresh calibrations of each kind and budget")
    parser.add_argument("--seconds", type=float, action="append", help="a budget; default: 60 and 240")
    parser.add_argument("--reference", type=int, default=3, help="rounds of the long comparison after each calibration")
    parser.add_argument("--load", type=float, default=0.0, help="the share of every CPU that another program takes")
    parser.add_argument("--simulate", action="store_true", help="calibrate a simulated machine instead")
    parser.add_argument("--studies", type=int, default=150, help="simulated studies of each kind and budget")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    budgets = options.seconds or [seconds for seconds, _, _ in _AIMS]
    if options.one:
        print(json.dumps(_one(options.one, budgets[0])))
        return 0
    print(f"load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs", file=sys.stderr)
    print("| kind | budget | calibrations | within 3 % | within 10 % | largest loss | median time | disturbed |")
    print("|---|---|---|---|---|---|---|---|")
    rows, reached = [], True
    for kind in options.kind or KINDS:
        if options.simulate:
            found = {
                seconds: [_simulated(kind, seconds, seed) for seed in range(options.studies)] for seconds in budgets
            }
        else:
            found = _measured(kind, budgets, options)
        for seconds, outcomes in found.items():
            rows.append({"kind": kind, "budget_s": seconds, "outcomes": outcomes})
            reached &= _show(kind, seconds, outcomes)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if reached else 1


def _show(kind: str, seconds: float, outcomes: list[dict[str, Any]]) -> bool:
    """Print a row of the table; return whether the aim of this budget was reached."""
    losses = [each["loss"] for each in outcomes]
    within = {limit: statistics.fmean(loss <= limit for loss in losses) for limit in (0.03, 0.10)}
    took_s = statistics.median(each["took_s"] for each in outcomes)
    disturbed = sum(each["disturbed"] for each in outcomes)
    print(
        f"| {kind} | {seconds:g} s | {len(losses)} | {within[0.03]:.2f} | {within[0.10]:.2f} | {max(losses):.1%} "
        f"| {took_s:.0f} s | {disturbed} |",
        flush=True,
    )
    return all(within[limit] >= share for budget, limit, share in _AIMS if budget == seconds)


def _simulated(kind: str, seconds: float, seed: int) -> dict[str, Any]:
    bench = MoodyBench(kind, seed)
    race = Race(bench.contest, bench, seconds, bench.clock, seed)
    race.run()
    loss = bench.loss(race.grids.best(race.times.levels())[1])
    return {"loss": loss, "took_s": bench.now_s, "disturbed": False, "settled": race.settled}


def _measured(kind: str, budgets: list[float], options: argparse.Namespace) -> dict[float, list[dict[str, Any]]]:
    """Return the outcomes of calibrations in new processes, by budget, compared with all candidates side by side."""
    subject = _subject(kind)
    contest = subject.contest
    bench = EngineBench(lambda: registry.make(subject.backend), subject.setup, contest, QuietWatch(0.0))
    for contender in range(len(contest.contenders)):
        bench.open(contender)
    times, made = SliceTimes(contest), []
    for number in range(options.homes):
        for seconds in budgets:
            made.append((seconds, _in_new_process(kind, seconds, options.load)))
            words = made[-1][1]["words"]
            print(f"{kind} {number + 1}, {seconds:g} s: {words}", file=sys.stderr, flush=True)
            for _ in range(options.reference):
                _measure_all(bench, contest, times)
    levels, grids = times.levels(), grids_of(contest)
    least = float(grids.least_costs(levels[None])[0])
    outcomes: dict[float, list[dict[str, Any]]] = {seconds: [] for seconds in budgets}
    for seconds, calibration in made:
        outcomes[seconds].append({**calibration, "loss": grids.cost(calibration["picked"], levels) / least - 1})
    return outcomes


def _measure_all(bench: EngineBench, contest: Contest, times: SliceTimes) -> None:
    times.begin_round()
    cells = [(each, length) for each in range(len(contest.contenders)) for length in range(len(contest.probes))]
    random.shuffle(cells)
    for cell in cells:
        times.add(cell, *bench.slice(*cell))


def _in_new_process(kind: str, seconds: float, load: float) -> dict[str, Any]:
    """Return a calibration of a fresh home, beside other programs that take a share of every CPU."""
    neighbours = [Process(target=_burn, args=(load,), daemon=True) for _ in range(os.cpu_count() or 1) if load > 0]
    for each in neighbours:
        each.start()
    try:
        words = [sys.executable, __file__, f"--one={kind}", f"--seconds={seconds}"]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        for each in neighbours:
            each.terminate()
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def _burn(load: float) -> None:
    while True:
        ends_s = time.perf_counter() + load * _PERIOD_S
        while time.perf_counter() < ends_s:
            pass
        time.sleep((1 - load) * _PERIOD_S)


def _one(kind: str, seconds: float) -> dict[str, Any]:
    """Calibrate in this process; return the choice."""
    subject = _subject(kind)
    calibration = calibrate(
        lambda: registry.make(subject.backend), subject.setup, subject.contest, subject.lengths, budget_s=seconds
    )
    grid, contest = calibration.grid, subject.contest
    batches = dict(zip(grid.lengths, grid.batch_sizes, strict=False))
    wanted = [(grid.streams, batches.get(probe, 1), calibration.threads) for probe in contest.probes]
    shapes = [(each.streams, each.batch_size, each.threads) for each in contest.contenders]
    disturbance = calibration.disturbance
    return {
        "picked": [shapes.index(each) for each in wanted],
        "words": calibration_words(calibration),
        "took_s": calibration.elapsed_s,
        "disturbed": bool(disturbance and disturbance.disturbed_because),
        "settled": calibration.settled,
        "calibration": encode(calibration),
    }


def _subject(kind: str) -> _Subject:
    folder, cores = work_folder(), usable_cores()
    if kind == "bert":
        setup = EngineSetup(BERTS["pruned-quantised"], folder, Grid())
        return _Subject("deepsparse", setup, grid_contest(default_candidates(cores)), LENGTHS)
    setup = EngineSetup(CLASSIFIERS["mobilenet_0.50_96_float"], folder, Grid())
    return _Subject("litert", setup, thread_contest(cores), ())


if __name__ == "__main__":
    sys.exit(main())
