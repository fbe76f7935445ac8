"""Replay races without a dataset that fetch only the models which a prediction cannot rule out.

A few models of a published machine are probed, the others predicted from machines of other CPU families. In turns, the
likely members of the front are probed, until all models are probed that no other one surely dominates; the others are
never fetched. The race runs over the rest, with copied accuracies and no accuracy checks. The systems are those that
judge `exploration_replay.py`, and `--table` is its table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from exploration_replay import JUDGING, MODELS, SPACE, TUNED, Case, meter, read_tables, scores

from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.exploration.definition.space import Space
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front
from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.prediction.estimate import SURE, MeasuredLatency, measured_latency
from mlperf_home.prediction.fronts import predicted_front
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exploration_replay import PublishedTable
    from table_meter import TableMeter

PROBE_S, ROUNDS, BATCH = 0.5, 3, 6
POINTS = {point.model: point for point in SPACE.points}
_NO_CHECKS = {"doubt_points": 1e-3, "doubt_most": 1e-3, "most_checked": 0, "most_measured": 0}


@dataclass
class Foresight:
    """What is measured and predicted of one machine so far."""

    system: PublishedTable
    others: Crowd
    machine: TableMeter
    sure: float
    runtime: str
    measured: dict[str, MeasuredLatency] = field(default_factory=dict)
    spent_s: float = 0.0

    def probe(self, models: Sequence[str]) -> None:
        """Probe some models."""
        for model in models:
            observed = [self.machine.probe(POINTS[model], PROBE_S, number) for number in range(ROUNDS)]
            self.measured[model] = measured_latency([each.values["latency_ms"] for each in observed])
            self.spent_s += sum(each.cost_s for each in observed)

    def left(self) -> tuple[list[str], list[str]]:
        """Return the models that are not surely dominated, and those of them that the values favour."""
        models = self.others.models
        places = self.others.places(list(self.measured))
        logs = np.log([each.latency_ms for each in self.measured.values()])
        noise = np.array([each.noise_sd for each in self.measured.values()])
        found = learn(self.others).predict(places, logs, noise)
        accuracies = [self.system.crowd[model] for model in models]
        reach = self.sure * calibrate(self.others, places, self.runtime)
        dominators = predicted_front(found.mean, found.covariance, accuracies, reach).dominator
        likely = front(list(zip(found.mean.tolist(), accuracies, strict=True)), ("min", "max"))
        left = [model for model, dominator in zip(models, dominators.tolist(), strict=True) if dominator < 0]
        return left, [model for model, keep in zip(models, likely, strict=True) if keep and model in left]

    def fetch_all_left(self, first: int) -> None:
        """Probe the most telling models; then, in turns, the likely ones of those that are left."""
        self.probe(choose_probes(learn(self.others), self.others.models, first))
        while True:
            left, likely = self.left()
            waiting = [model for model in left if model not in self.measured]
            if not waiting:
                return
            favoured = [model for model in likely if model not in self.measured]
            self.probe((favoured or waiting)[:BATCH])


def replay(
    system: PublishedTable, crowd: Crowd, seed: int, probes: int, options: argparse.Namespace
) -> dict[str, float]:
    """Run one race over what a prediction leaves."""
    platform = system.name.split()[0]
    families = {each.family for each in crowd.systems if each.platform == platform}
    machine = meter(system, Case(0.03), seed)
    others = crowd.only(~np.isin(crowd.families, list(families)))
    foresight = Foresight(system, others, machine, options.sure, options.runtime)
    foresight.fetch_all_left(probes)
    left, _ = foresight.left()
    space = Space(SPACE.name, SPACE.axes, tuple(point for point in SPACE.points if point.model in left))
    priors = {model: Belief(value, 0.05, "copied") for model, value in system.crowd.items()}
    settings = replace(Settings(official="none", **_NO_CHECKS), seed=seed)
    row = scores(system, Study(space, machine, priors, settings).run())
    return {
        **{name: row[name] for name in ("recall", "volume")},
        "lean_share": row["lean_share"] + foresight.spent_s / system.exhaustive_s,
        "fetched": len(foresight.measured) / len(MODELS),
    }


def main() -> int:
    """Print a table; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--probes", type=int, nargs="*", default=[8, 12])
    parser.add_argument("--sure", type=float, default=SURE)
    parser.add_argument("--runtime", default="tflite-cpp", help="a class that the crowd lacks widens the intervals")
    parser.add_argument("--tuned", action="store_true", help="replay the systems on which the settings were chosen")
    options = parser.parse_args()
    systems = read_tables(options.table, TUNED if options.tuned else JUDGING)
    crowd = crowd_of(shipped_results("images"), [point.model for point in SPACE.points])
    print("| case, median / worst (mean) | recall | volume | share | fetched |\n|---|---|---|---|---|")
    reached = True
    for probes in options.probes:
        rows = {
            system.name: [replay(system, crowd, seed, probes, options) for seed in range(options.seeds)]
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
