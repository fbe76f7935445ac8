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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from exploration_replay import JUDGING, MODELS, SPACE, TUNED, Case, meter, read_tables, scores

from mlperf_home.contracts.studies.narrowing import STAGES
from mlperf_home.contracts.studies.race import COPIED_SD, Belief, Settings, without_checks
from mlperf_home.exploration.definition.space import Space
from mlperf_home.exploration.racing.study import Study
from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.prediction.estimate import SURE, MachinePrediction, MeasuredLatency, measured_latency
from mlperf_home.prediction.gaussian import learn
from mlperf_home.prediction.narrowing import Narrowing, narrow
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exploration_replay import PublishedTable
    from table_meter import TableMeter

PROBE_S, ROUNDS = 0.5, 3
POINTS = {point.model: point for point in SPACE.points}


@dataclass
class Foresight:
    """What is measured and predicted of one machine so far."""

    system: PublishedTable
    others: Crowd
    machine: TableMeter
    sure: float
    runtime: str
    measured: dict[str, MeasuredLatency] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    spent_s: float = 0.0

    def probe(self, models: Sequence[str]) -> None:
        """Probe some models."""
        for model in models:
            observed = [self.machine.probe(POINTS[model], PROBE_S, number) for number in range(ROUNDS)]
            self.measured[model] = measured_latency([each.values["latency_ms"] for each in observed])
            self.spent_s += sum(each.cost_s for each in observed)

    def narrow(self) -> Narrowing:
        """Return the models that may be on the front, by what is measured so far."""
        places = self.others.places(list(self.measured))
        logs = np.log([each.latency_ms for each in self.measured.values()])
        noise = np.array([each.noise_sd for each in self.measured.values()])
        found = learn(self.others).predict(places, logs, noise)
        prediction = MachinePrediction(self.others, found, calibrate(self.others, places, self.runtime))
        return narrow(prediction, self.system.crowd, self.sure)

    def probe_in_stages(self, first: int, stages: int) -> Narrowing:
        """Probe the most telling models; then, in stages as the command does, those that may be on the front."""
        self.probe(choose_probes(learn(self.others), self.others.models, first))
        for stage in range(1, stages):
            self.probe(self.narrow().following(frozenset(self.measured), stage, stages))
        found = self.narrow()
        self.fetched = {*self.measured, *found.left}
        return found


def replay(
    system: PublishedTable, crowd: Crowd, seed: int, probes: int, options: argparse.Namespace
) -> dict[str, float]:
    """Run one race over what a prediction leaves."""
    platform = system.name.split()[0]
    families = {each.family for each in crowd.systems if each.platform == platform}
    machine = meter(system, Case(0.03), seed)
    others = crowd.only(~np.isin(crowd.families, list(families)))
    foresight = Foresight(system, others, machine, options.sure, options.runtime)
    left = foresight.probe_in_stages(probes, options.stages).left
    space = Space(SPACE.name, SPACE.axes, tuple(point for point in SPACE.points if point.model in left))
    priors = {model: Belief(value, COPIED_SD, "copied") for model, value in system.crowd.items()}
    settings = without_checks(Settings(official="none", seed=seed))
    row = scores(system, Study(space, machine, priors, settings).run())
    return {
        **{name: row[name] for name in ("recall", "volume")},
        "lean_share": row["lean_share"] + foresight.spent_s / system.exhaustive_s,
        "fetched": len(foresight.fetched) / len(MODELS),
    }


def main() -> int:
    """Print a table; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--probes", type=int, nargs="*", default=[8, 12])
    parser.add_argument("--stages", type=int, default=STAGES, help="stages of fetching; the first has the probes")
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
