"""Simulate runs on machines with states: how often states are marked, and how often intervals cover the truth.

Runs have 20,000 queries, kept as the harness keeps them. The truth is the mean, or the 90th percentile, of all runs of
a model together. It exits with 1 if independent noise is marked in more than 1 % of runs.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.harness.queries.kept import KeptTimes
from mlperf_home.latencies.bootstrap import mean_interval, percentile_interval
from mlperf_home.latencies.series import Histogram, series_of
from mlperf_home.latencies.states import states_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

QUERIES = 20_000
_FALSE_ALARMS = 0.01


def _independent(spread: float, chance: np.random.Generator, _run_s: float) -> Floats:
    return np.asarray(np.exp(chance.normal(0, spread, QUERIES)))


def _outliers(chance: np.random.Generator, run_s: float) -> Floats:
    slow = chance.random(QUERIES) < 0.05
    return _independent(0.03, chance, run_s) * np.where(slow, 1.5, 1.0)


def _heavy(chance: np.random.Generator, run_s: float) -> Floats:
    return _independent(0.03, chance, run_s) * (1 + 0.02 * chance.pareto(1.8, QUERIES))


def _wandering(tau_s: float, chance: np.random.Generator, run_s: float) -> Floats:
    kept = math.exp(-run_s / QUERIES / tau_s)
    steps = chance.normal(0, 0.05 * math.sqrt(1 - kept**2), QUERIES)
    level, levels = chance.normal(0, 0.05), []
    for step in steps:
        level = kept * level + step
        levels.append(level)
    return np.exp(np.array(levels)) * _independent(0.03, chance, run_s)


def _two_states(slower: float, stay_s: float, chance: np.random.Generator, run_s: float) -> Floats:
    changes = np.cumsum(chance.exponential(stay_s, max(8, int(4 * run_s / stay_s))))
    at_s = np.linspace(0, run_s, QUERIES, endpoint=False)
    slow = (np.searchsorted(changes, at_s) + chance.integers(2)) % 2
    return np.where(slow == 1, 1 + slower, 1.0) * _independent(0.03, chance, run_s)


def _once(slower: float, share: float, chance: np.random.Generator, run_s: float) -> Floats:
    first = int(chance.integers(int(QUERIES * (1 - share))))
    values = _independent(0.03, chance, run_s)
    values[first : first + int(QUERIES * share)] *= 1 + slower
    return values


MODELS: dict[str, Callable[[np.random.Generator, float], Floats]] = {
    "independent, 3 %": partial(_independent, 0.03),
    "independent, 30 %": partial(_independent, 0.3),
    "outliers of 50 % in 5 % of queries": _outliers,
    "heavy tail": _heavy,
    "wanders, 5 % in a fiftieth of the run": lambda chance, run_s: _wandering(run_s / 50, chance, run_s),
    **{
        f"two states of {slower:.0%} for {words} of the run": (
            lambda chance, run_s, slower=slower, share=share: _two_states(slower, share * run_s, chance, run_s)
        )
        for slower in (0.1, 0.3)
        for words, share in (("a fifth", 0.2), ("a thirtieth", 1 / 30), ("a two-hundredth", 0.005))
    },
    **{
        f"once {slower:.0%} slower for {share:.0%} of the run": partial(_once, slower, share)
        for slower in (0.1, 0.3)
        for share in (0.1, 0.02)
    },
}
INDEPENDENT = tuple(MODELS)[:4]


def simulate(name: str, run_s: float, seed: int) -> dict[str, Any]:
    """Return what is told of one run."""
    chance = np.random.default_rng((seed, *name.encode()))
    durations = np.maximum(1, MODELS[name](chance, run_s) * run_s / QUERIES * 1e9).astype(np.int64)
    ends = 1_000_000_000 + np.cumsum(durations)
    times = KeptTimes(run_s)
    times.keep_all(ends - durations, ends)
    kept = times.document()
    if kept is None:
        raise ValueError("a run has queries")
    series = series_of(kept, name)
    states, mean, tail = states_of(series), mean_interval(series), percentile_interval(series, 0.9)
    return {
        "marked": bool(states.changed),
        "slower": states.slower_percent,
        "mean_ns": series.mean_ns,
        "mean": None if mean is None else (mean.low, mean.high),
        "p90_ns": series.histogram.quantile_ns(0.9),
        "p90": None if tail is None else (tail.low, tail.high),
        "histogram": dict(series.histogram.counts),
    }


def told(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the shares over the runs of a model."""
    everything = Counter[int]()
    for run in runs:
        everything.update(run["histogram"])
    truth = {"mean": statistics.fmean(run["mean_ns"] for run in runs), "p90": Histogram(everything).quantile_ns(0.9)}
    covered = {
        key: statistics.fmean(
            run[f"{key}_ns"] * run[key][0] <= truth[key] <= run[f"{key}_ns"] * run[key][1] for run in runs
        )
        for key in truth
    }
    reach = statistics.median(run["mean"][1] - 1 for run in runs)
    slower = [run["slower"] for run in runs if run["marked"]]
    return {
        "marked": statistics.fmean(run["marked"] for run in runs),
        "slower_percent": statistics.median(slower) if slower else 0.0,
        "mean covered": covered["mean"],
        "p90 covered": covered["p90"],
        "reach_percent": 100 * reach,
    }


def main() -> int:
    """Print a row for each model; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs of each model")
    parser.add_argument("--seconds", type=float, default=600.0, help="the length of a run")
    parser.add_argument("--models", default="", help="only models with this text in their name")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    print("| noise | marked | slower, median | mean covered | p90 covered | reach of the mean |")
    print("|---|---|---|---|---|---|")
    with ProcessPoolExecutor() as pool:
        for name in (name for name in MODELS if options.models in name):
            seeds = range(options.runs)
            row = rows[name] = told([*pool.map(partial(simulate, name, options.seconds), seeds, chunksize=16)])
            shares = (f"{row[key]:.3f}" for key in ("mean covered", "p90 covered"))
            slower = f"{row['slower_percent']:.0f} %" if row["marked"] else "-"
            print(
                f"| {name} | {row['marked']:.3f} | {slower} | {' | '.join(shares)} | {row['reach_percent']:.2g} % |",
                flush=True,
            )
    reached = all(row["marked"] <= _FALSE_ALARMS for name, row in rows.items() if name in INDEPENDENT)
    if options.json is not None:
        document = {"runs": options.runs, "seconds": options.seconds, "reached": reached, "models": rows}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
