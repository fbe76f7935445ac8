"""Replay published tables of 81 variants under noise, and compare a race's work with an exhaustive sweep's.

`--table` is a CSV with the columns of the published MobileNet results (system, variant, top-1, latency). `--accuracy`
is a CSV with published MACs. The settings were chosen on the systems in TUNED; the systems in JUDGING judge them.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.race import IMAGENET, Belief, Settings
from mlperf_home.exploration.definition.space import make_space
from mlperf_home.exploration.optuna_search import Budget, search
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front, hypervolume
from mlperf_home.steps.exploring.options import known_space

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from table_meter import TableMeter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlperf_home.contracts.studies.answer import Answer

SPACE = make_space(known_space("mobilenets"), "mobilenets")
MODELS = {point.name: point.model for point in SPACE.points}
DIRECTIONS = ("min", "max")
TUNED = ("hp_pavilion-tflite_cpp", "aws_graviton_m7g.2xlarge-tflite_armnn", "raspberrypi4-tflite_armnn", "t3.xlarge")
JUDGING = (
    "firefly-tflite-v2.11.0",
    "AMD_Mini_PC",
    "c5a.xlarge",
    "GATE_Overflow_Intel_Sapphire_Rapids",
    "xavier-power.0-fan.cool-tflite-v2.11.0",
    "a1.metal",
    "t2.xlarge",
    "t4g.xlarge-tflite_cpp",
    "Nvidia_Jetson_Orin_AGX-tflite_cpp-cpu-tflite-vmaster",
)
PRIOR_SD = 0.05


@dataclass(frozen=True)
class PublishedTable:
    """A system's published table, and the other systems' accuracies of the models (`crowd`)."""

    name: str
    latencies_ms: dict[str, float]
    accuracies: dict[str, float]
    crowd: dict[str, float]

    def values(self, names: Iterable[str]) -> np.ndarray:
        """Return the true logarithm of latency and the true top-1 of points: (points, 2)."""
        rows = [(np.log(self.latencies_ms[name]), self.accuracies[MODELS[name]]) for name in names]
        return np.array(rows).reshape(-1, 2)

    @property
    def front(self) -> set[str]:
        """The true front."""
        keeps = front(self.values(MODELS).tolist(), DIRECTIONS)
        return {name for name, keep in zip(MODELS, keeps, strict=True) if keep}

    @property
    def exhaustive_s(self) -> float:
        """The duration of the exhaustive sweep."""
        return sum(IMAGENET.exhaustive(latency_ms) for latency_ms in self.latencies_ms.values())

    def volume_share(self, names: Iterable[str]) -> float:
        """Return the hypervolume of points by their true values, as a share of the true front's."""
        values = self.values(MODELS)
        reference = (values[:, 0].max() + 0.01, values[:, 1].min() - 0.01)
        total = hypervolume(values.tolist(), reference, DIRECTIONS)
        return hypervolume(self.values(names).tolist(), reference, DIRECTIONS) / total


def read_tables(path: Path, prefixes: Sequence[str]) -> list[PublishedTable]:
    """Read the first complete table of a system for each prefix of its name."""
    tables: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    names = {tuple(str(value or "") for value in point.values.values()): point.name for point in SPACE.points}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = names.get((row["family"], row["multiplier"], row["resolution"], row["precision"]))
            if key and row["latency_ms"] and row["top1"]:
                tables[f"{row['platform']} {row['round']}"][key] = (float(row["latency_ms"]), float(row["top1"]))
    published = []
    for prefix in prefixes:
        complete = [name for name, table in tables.items() if name.startswith(prefix) and len(table) == len(MODELS)]
        platform = min(complete)
        others = [table for name, table in tables.items() if name.split()[0] != platform.split()[0]]
        published.append(
            PublishedTable(
                platform,
                {name: tables[platform][name][0] for name in MODELS},
                {MODELS[name]: tables[platform][name][1] for name in MODELS},
                {
                    MODELS[name]: statistics.median(table[name][1] for table in others if name in table)
                    for name in MODELS
                },
            )
        )
    return published


@dataclass(frozen=True)
class Case:
    """The conditions of a replay."""

    noise: float
    drift: float = 0.0
    wrong_share: float = 0.0
    wrong_points: float = 3.0

    @property
    def name(self) -> str:
        """The name in the printed table."""
        more = f", drift {self.drift:.0%} an hour" if self.drift else ""
        return f"noise {self.noise:.0%}{more}" + (
            f", {self.wrong_share:.0%} of priors wrong by {self.wrong_points:g}" if self.wrong_share else ""
        )


CASES = (
    Case(0.01),
    Case(0.03),
    Case(0.1),
    Case(0.2),
    Case(0.03, drift=0.05),
    Case(0.03, wrong_share=0.1),
    Case(0.03, wrong_share=0.1, wrong_points=1.5),
    Case(0.03, wrong_share=0.1, wrong_points=6.0),
    Case(0.03, wrong_share=0.3),
)


def meter(system: PublishedTable, case: Case, seed: int) -> TableMeter:
    """Return a meter that replays the table under noise."""
    return TableMeter(system.latencies_ms, system.accuracies, run_noise=case.noise, drift=case.drift, seed=seed)


def race(system: PublishedTable, case: Case, seed: int, settings: Settings) -> dict[str, float]:
    """Run a study and compare its answer with the truth."""
    random = np.random.default_rng(seed)
    signs, draws = random.choice([-1, 1], len(system.crowd)), random.random(len(system.crowd))
    shifts = case.wrong_points * signs * (draws < case.wrong_share)
    priors = {
        model: Belief(value + shift, PRIOR_SD, "crowd")
        for (model, value), shift in zip(system.crowd.items(), shifts, strict=True)
    }
    return scores(system, Study(SPACE, meter(system, case, seed), priors, replace(settings, seed=seed)).run())


def scores(system: PublishedTable, answer: Answer) -> dict[str, float]:
    """Compare an answer with the truth; `kept` is the front and the measured undecided points."""
    decided = {member.point for member in answer.front}
    kept = decided | {member.point for member in answer.undecided if member.values}
    likely = {member.point for member in (*answer.front, *answer.undecided) if member.likely}
    true = system.front
    spent_s = sum(answer.work.spent_s.values())
    return {
        "recall": len(kept & true) / len(true),
        "front_recall": len(decided & true) / len(true),
        "precision": len(decided & true) / max(len(decided), 1),
        "likely_recall": len(likely & true) / len(true),
        "likely_precision": len(likely & true) / max(len(likely), 1),
        "volume": system.volume_share(kept),
        "undecided": float(len(kept - decided)),
        "share": spent_s / system.exhaustive_s,
        "lean_share": (spent_s - answer.work.spent_s.get("official", 0.0)) / system.exhaustive_s,
        "official_floor": sum(IMAGENET.official(system.latencies_ms[name]) for name in true) / system.exhaustive_s,
    }


def exhaustive_front(system: PublishedTable, case: Case, seed: int) -> set[str]:
    """Return the front of an exhaustive sweep under noise."""
    machine = meter(system, case, seed)
    latencies = [machine.official(point).values["latency_ms"] for point in SPACE.points]
    table = [(value, system.accuracies[point.model]) for value, point in zip(latencies, SPACE.points, strict=True)]
    return {point.name for point, keep in zip(SPACE.points, front(table, DIRECTIONS), strict=True) if keep}


def score_names(system: PublishedTable, found: set[str], true: set[str]) -> dict[str, float]:
    """Score a set of points as the front."""
    hits = len(found & true)
    return {"recall": hits / len(true), "precision": hits / max(len(found), 1), "volume": system.volume_share(found)}


def measure_in_order(system: PublishedTable, case: Case, seed: int, order: Sequence[str]) -> dict[str, float]:
    """Measure points completely in `order` until a fifth of the sweep's work is spent."""
    machine = meter(system, case, seed)
    by_name = {point.name: point for point in SPACE.points}
    spent_s, rows, names = 0.0, [], []
    for name in order:
        if spent_s >= 0.2 * system.exhaustive_s:
            break
        spent_s += IMAGENET.exhaustive(system.latencies_ms[name])
        rows.append((machine.official(by_name[name]).values["latency_ms"], system.accuracies[MODELS[name]]))
        names.append(name)
    found = {name for name, keep in zip(names, front(rows, DIRECTIONS), strict=True) if keep}
    return score_names(system, found, system.front) | {"share": spent_s / system.exhaustive_s}


def one_probe(system: PublishedTable, case: Case, seed: int) -> dict[str, float]:
    """Measure one probe of ten seconds per point with the priors' accuracies, the baseline of a race."""
    machine = meter(system, case, seed)
    probes = [machine.probe(point, 10.0, 0) for point in SPACE.points]
    rows = [(probe.values["latency_ms"], system.crowd[p.model]) for probe, p in zip(probes, SPACE.points, strict=True)]
    found = {point.name for point, keep in zip(SPACE.points, front(rows, DIRECTIONS), strict=True) if keep}
    return score_names(system, found, system.front) | {
        "share": sum(probe.cost_s for probe in probes) / system.exhaustive_s
    }


def baselines(system: PublishedTable, case: Case, seed: int, macs: dict[str, float]) -> dict[str, dict[str, float]]:
    """Run every baseline once."""
    shuffled = list(np.random.default_rng(seed).permutation(list(MODELS)))
    budget = Budget(0.2 * system.exhaustive_s, seed=seed)
    return {
        "random, 20 %": measure_in_order(system, case, seed, shuffled),
        "fewest MACs first, 20 %": measure_in_order(system, case, seed, sorted(MODELS, key=lambda name: macs[name])),
        "NSGA-II, 20 %": scores(system, search(SPACE, meter(system, case, seed), "nsga2", budget)),
        "TPE, 20 %": scores(system, search(SPACE, meter(system, case, seed), "tpe", budget)),
        "one probe of 10 s": one_probe(system, case, seed),
        "exhaustive, against the truth": score_names(system, exhaustive_front(system, case, seed), system.front)
        | {"share": 1.0},
        "exhaustive, against another": score_names(
            system, exhaustive_front(system, case, seed), exhaustive_front(system, case, seed + 1000)
        )
        | {"share": 2.0},
    }


def read_macs(path: Path) -> dict[str, float]:
    """Read MACs in millions by point; each EfficientNet has one resolution."""
    known: dict[tuple[str, str, str], float] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            resolution = "" if row["model"].startswith("efficientnet") else row["resolution"]
            if row["MACs_M"]:
                known[row["model"], row["multiplier"], resolution] = float(row["MACs_M"])
    return {
        point.name: known[tuple(str(point.values[axis] or "") for axis in ("family", "multiplier", "resolution"))]
        for point in SPACE.points
    }


COLUMNS = (
    "recall",
    "front_recall",
    "precision",
    "likely_recall",
    "likely_precision",
    "volume",
    "undecided",
    "share",
    "lean_share",
)


def show(title: str, rows: list[dict[str, float]]) -> None:
    """Print the median, the worst value and the mean of each column."""
    cells = []
    for column in COLUMNS:
        values = [row[column] for row in rows if column in row]
        if not values:
            cells.append("-")
            continue
        worst = max(values) if column in {"share", "lean_share", "undecided"} else min(values)
        form = ".0f" if column == "undecided" else ".4f" if column == "volume" else ".3f"
        mean = statistics.mean(values)
        cells.append(f"{statistics.median(values):{form}} / {worst:{form}} ({mean:.3f})")
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def main() -> int:
    """Replay and print tables; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tuned", action="store_true", help="replay the systems on which the settings were chosen")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--settings", type=json.loads, default={}, help="other settings of a study, as JSON")
    options = parser.parse_args()
    systems = read_tables(options.table, TUNED if options.tuned else JUDGING)
    settings = Settings(**options.settings)
    print("| case, median / worst (mean) | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    rows: dict[Case, list[dict[str, float]]] = {}
    for case in CASES:
        rows[case] = [race(system, case, seed, settings) for system in systems for seed in range(options.seeds)]
        show(f"race, {case.name}", rows[case])
    judged = rows[Case(0.03)]
    for place, system in enumerate(systems):
        show(f"race, noise 3%, {system.name}", judged[place * options.seeds : (place + 1) * options.seeds])
    if not options.no_baselines:
        macs = read_macs(options.accuracy)
        runs = [baselines(system, Case(0.03), seed, macs) for system in systems for seed in range(options.seeds)]
        for name in runs[0]:
            show(f"{name}, noise 3%", [scores_by_name[name] for scores_by_name in runs])
    floor = [row["official_floor"] for row in judged]
    print(f"\nthe true front's official runs: {statistics.median(floor):.3f} / {max(floor):.3f} of the work")
    goals = {
        "recall >= 0.99": statistics.mean(row["recall"] for row in judged) >= 0.99,
        "hypervolume >= 0.999": statistics.median(row["volume"] for row in judged) >= 0.999,
        "share <= 0.20": statistics.median(row["share"] for row in judged) <= 0.20,
        "share without official runs <= 0.05": statistics.median(row["lean_share"] for row in judged) <= 0.05,
    }
    for goal, reached in goals.items():
        print(f"{goal}: {'reached' if reached else 'MISSED'}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
