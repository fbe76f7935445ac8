"""Run races on simulated machines with moods, and count the studies that drop a member of the true front.

A point is on the true front if it is on the front by the means over all time, of the quiet machine, or of its slow
state. tests/support/moody_meter.py has the machines.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from mlperf_home.contracts.studies.race import Protocol, Settings
from mlperf_home.exploration.racing.study import Study

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from moody_meter import LADDERS, MODELS, SAMPLES, MoodyMeter, ladder

if TYPE_CHECKING:
    from collections.abc import Callable

_GOAL, _GOAL_BOUND = 0.05, 0.08
# No study withstands states that are longer than itself: shown, but not judged.
_NOT_JUDGED = "10 min"
COLUMNS = ("drops", "false", "undecided", "front", "hours", "covered")


def study(count: int, model: str, seed: int, settings: Settings) -> dict[str, float]:
    """Run a study and compare its answer with the truth."""
    space = ladder(count)
    meter = MoodyMeter(space, MODELS[model], LADDERS[count], seed + zlib.crc32(model.encode()))
    answer = Study(space, meter, {}, replace(settings, seed=seed)).run()
    true, *others = meter.fronts()
    anywhere = true.union(*others)
    dropped = {each.point for each in answer.dropped}
    said = {each.point for each in answer.front}
    truth = np.exp(meter.truth)
    covered = [
        float(each.intervals["latency_ms"][0] <= truth[meter.numbers[each.point]] <= each.intervals["latency_ms"][1])
        for group in (answer.front, answer.undecided, answer.dropped)
        for each in group
        if "latency_ms" in each.intervals
    ]
    return {
        "drops": float(bool(dropped & anywhere)),
        "false": float(bool(said - true)),
        "undecided": len(answer.undecided) / count,
        "front": len(said & true) / len(true),
        "hours": meter.now_s / 3600,
        "covered": statistics.mean(covered) if covered else math.nan,
    }


def upper_bound(hits: int, total: int) -> float:
    """Return the upper 95 % bound of a share (Clopper and Pearson), one-sided."""
    return 1.0 if hits == total else float(beta.ppf(0.95, hits + 1, total - hits))


def main() -> int:
    """Run the suite and print a table; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--points", type=int, nargs="*", default=sorted(LADDERS))
    parser.add_argument("--models", default="", help="only the noise models whose names contain this")
    parser.add_argument("--settings", type=json.loads, default={}, help="other settings of a study, as JSON")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    settings = Settings(**{"official": "none", "protocol": Protocol(samples=SAMPLES)} | options.settings)
    print(f"| points, noise | drops a member (bound) | {' | '.join(COLUMNS[1:])} |\n|{'---|' * (len(COLUMNS) + 1)}")
    missed = False
    for count in options.points:
        for model in (name for name in MODELS if options.models in name):
            with ProcessPoolExecutor(options.jobs) as pool:
                run: Callable[[int], dict[str, float]] = partial(study, count, model, settings=settings)
                rows = list(pool.map(run, range(options.studies), chunksize=8))
            hits = sum(row["drops"] for row in rows)
            bound = upper_bound(int(hits), len(rows))
            missed |= _NOT_JUDGED not in model and (hits / len(rows) > _GOAL or bound > _GOAL_BOUND)
            means = [statistics.mean(row[column] for row in rows) for column in COLUMNS[1:]]
            cells = " | ".join(f"{mean:.3f}" for mean in means)
            print(f"| {count}, {model} | {hits / len(rows):.3f} ({bound:.3f}) | {cells} |", flush=True)
    print(f"at most {_GOAL:.0%} drop a member of the front: {'MISSED' if missed else 'reached'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
