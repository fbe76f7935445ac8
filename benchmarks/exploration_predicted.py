"""Replay races without a dataset that fetch only the models which a prediction cannot rule out.

A few models of a published machine are probed, the others predicted from machines of other CPU families; models that
another one surely dominates are neither fetched nor probed. The race runs over the rest, with copied accuracies and no
accuracy checks. The systems are those that judge `exploration_replay.py`; `--table` and `--accuracy` are its CSV files.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from exploration_replay import JUDGING, MODELS, SPACE, TUNED, Case, meter, read_tables, scores

from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.exploration.definition.space import Space
from mlperf_home.exploration.racing.study import Study
from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.prediction.estimate import SURE, measured_latency
from mlperf_home.prediction.fronts import predicted_front
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from exploration_replay import PublishedTable
    from table_meter import TableMeter

PROBE_S, ROUNDS = 0.5, 3
_NO_CHECKS = {"doubt_points": 1e-3, "doubt_most": 1e-3, "most_checked": 0, "most_measured": 0}


def left_points(system: PublishedTable, others: Crowd, machine: TableMeter, probes: int, sure: float) -> list[str]:
    """Return the points that a prediction from some probes leaves, and those that were probed."""
    model = learn(others)
    chosen = choose_probes(model, others.models, probes)
    points = {point.model: point for point in SPACE.points}
    values = {
        name: [machine.probe(points[name], PROBE_S, number).values["latency_ms"] for number in range(ROUNDS)]
        for name in chosen
    }
    measured = [measured_latency(values[name]) for name in chosen]
    places = others.places(chosen)
    noise = np.array([each.noise_sd for each in measured])
    found = model.predict(places, np.log([each.latency_ms for each in measured]), noise)
    accuracies = [system.crowd[name] for name in others.models]
    reach = sure * calibrate(others, places, "tflite-cpp")
    dominators = predicted_front(found.mean, found.covariance, accuracies, reach).dominator
    left = {name for name, dominator in zip(others.models, dominators.tolist(), strict=True) if dominator < 0}
    return [point.name for point in SPACE.points if point.model in left | set(chosen)]


def replay(system: PublishedTable, crowd: Crowd, seed: int, probes: int, sure: float) -> dict[str, float]:
    """Run one race over what a prediction leaves."""
    platform = system.name.split()[0]
    families = {each.family for each in crowd.systems if each.platform == platform}
    others = crowd.only(~np.isin(crowd.families, list(families)))
    machine = meter(system, Case(0.03), seed)
    names = left_points(system, others, machine, probes, sure)
    probing_s = machine_cost(system, others, probes)
    space = Space(SPACE.name, SPACE.axes, tuple(point for point in SPACE.points if point.name in names))
    priors = {model: Belief(value, 0.05, "copied") for model, value in system.crowd.items()}
    settings = replace(Settings(official="none", **_NO_CHECKS), seed=seed)
    answer = Study(space, machine, priors, settings).run()
    row = scores(system, answer)
    return {
        **{name: row[name] for name in ("recall", "volume")},
        "lean_share": row["lean_share"] + probing_s / system.exhaustive_s,
        "fetched": len(names) / len(MODELS),
    }


def machine_cost(system: PublishedTable, others: Crowd, probes: int) -> float:
    """Return the time of the probes before the race."""
    chosen = choose_probes(learn(others), others.models, probes)
    names = {point.model: point.name for point in SPACE.points}
    machine = meter(system, Case(0.03), 0)
    points = {point.name: point for point in SPACE.points}
    return ROUNDS * sum(machine.probe(points[names[model]], PROBE_S, 0).cost_s for model in chosen)


def main() -> int:
    """Print a table; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--probes", type=int, nargs="*", default=[8, 12])
    parser.add_argument("--sure", type=float, default=SURE)
    parser.add_argument("--tuned", action="store_true", help="replay the systems on which the settings were chosen")
    options = parser.parse_args()
    systems = read_tables(options.table, TUNED if options.tuned else JUDGING)
    crowd = crowd_of(shipped_results("images"), [point.model for point in SPACE.points])
    print("| case, median / worst (mean) | recall | volume | share | fetched |\n|---|---|---|---|---|")
    reached = True
    for probes in options.probes:
        rows = {
            system.name: [replay(system, crowd, seed, probes, options.sure) for seed in range(options.seeds)]
            for system in systems
        }
        every = [row for each in rows.values() for row in each]
        show(f"{probes} probed", every)
        for name, each in rows.items():
            show(f"- {name}", each)
        reached = (
            statistics.mean(row["recall"] for row in every) >= 0.99
            and statistics.median(row["volume"] for row in every) >= 0.999
            and statistics.median(row["lean_share"] for row in every) <= 0.035
            and statistics.median(row["fetched"] for row in every) <= 0.6
        )
        print(f"{probes} probed: {'reached' if reached else 'MISSED'}", flush=True)
    return 0 if reached else 1


def show(title: str, rows: list[dict[str, float]]) -> None:
    """Print the median, the worst value and the mean of each column."""
    cells = []
    for column in ("recall", "volume", "lean_share", "fetched"):
        values = [row[column] for row in rows]
        worst = min(values) if column in {"recall", "volume"} else max(values)
        cells.append(f"{statistics.median(values):.3f} / {worst:.3f} ({statistics.mean(values):.3f})")
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
