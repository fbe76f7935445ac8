"""Replay published tables of 81 variants under noise: how much of an exhaustive sweep's work finds the front.

`--table` is a CSV with the columns of the published MobileNet results (system, variant, top-1, latency); `--accuracy`
one with published MACs. Systems named in TUNED were looked at while the settings were chosen; the others judge.
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

from mlperf_home.contracts.race import IMAGENET, Belief, Settings
from mlperf_home.exploration.definition.space import make_space
from mlperf_home.exploration.optuna_search import Budget, search
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front, hypervolume
from mlperf_home.steps.exploring.options import known_space

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from table_meter import TableMeter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlperf_home.contracts.answer import Answer

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
class System:
    """One published table, and what the other systems say of the models' accuracy."""

    name: str
    latencies_ms: dict[str, float]
    accuracies: dict[str, float]
    crowd: dict[str, float]

    def values(self, names: Iterable[str]) -> np.ndarray:
        """True logarithm of latency, and top-1: shape (points, 2)."""
        rows = [(np.log(self.latencies_ms[name]), self.accuracies[MODELS[name]]) for name in names]
        return np.array(rows).reshape(-1, 2)

    @property
    def front(self) -> set[str]:
        """The true front."""
        keeps = front(self.values(MODELS).tolist(), DIRECTIONS)
        return {name for name, keep in zip(MODELS, keeps, strict=True) if keep}

    @property
    def exhaustive_s(self) -> float:
        """What the sweep takes."""
        return sum(IMAGENET.exhaustive(each) for each in self.latencies_ms.values())

    def volume_share(self, names: Iterable[str]) -> float:
        """Hypervolume of points by their true values, as a share of the true front's."""
        everything = self.values(MODELS)
        reference = (everything[:, 0].max() + 0.01, everything[:, 1].min() - 0.01)
        whole = hypervolume(everything.tolist(), reference, DIRECTIONS)
        return hypervolume(self.values(names).tolist(), reference, DIRECTIONS) / whole


def read_systems(path: Path, wanted: Sequence[str]) -> list[System]:
    """Read the complete tables of the systems whose names begin as wanted."""
    tables: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    names = {tuple(str(value or "") for value in point.values.values()): point.name for point in SPACE.points}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = names.get((row["family"], row["multiplier"], row["resolution"], row["precision"]))
            if key and row["latency_ms"] and row["top1"]:
                tables[f"{row['platform']} {row['round']}"][key] = (float(row["latency_ms"]), float(row["top1"]))
    found = []
    for begin in wanted:
        full = [name for name, table in tables.items() if name.startswith(begin) and len(table) == len(MODELS)]
        platform = min(full)
        others = [table for name, table in tables.items() if name.split()[0] != platform.split()[0]]
        found.append(
            System(
                platform,
                {name: tables[platform][name][0] for name in MODELS},
                {MODELS[name]: tables[platform][name][1] for name in MODELS},
                {
                    MODELS[name]: statistics.median(table[name][1] for table in others if name in table)
                    for name in MODELS
                },
            )
        )
    return found


@dataclass(frozen=True)
class Case:
    """Under what conditions a replay runs."""

    noise: float
    drift: float = 0.0
    wrong_share: float = 0.0
    wrong_points: float = 3.0

    @property
    def name(self) -> str:
        """For the table."""
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


def meter(system: System, case: Case, seed: int) -> TableMeter:
    """Make the replayed machine."""
    return TableMeter(system.latencies_ms, system.accuracies, run_noise=case.noise, drift=case.drift, seed=seed)


def race(system: System, case: Case, seed: int, settings: Settings) -> dict[str, float]:
    """Run one study and compare its answer with the truth."""
    random = np.random.default_rng(seed)
    signs, draws = random.choice([-1, 1], len(system.crowd)), random.random(len(system.crowd))
    shifts = case.wrong_points * signs * (draws < case.wrong_share)
    priors = {
        model: Belief(value + shift, PRIOR_SD, "crowd")
        for (model, value), shift in zip(system.crowd.items(), shifts, strict=True)
    }
    return scores(system, Study(SPACE, meter(system, case, seed), priors, replace(settings, seed=seed)).run())


def scores(system: System, answer: Answer) -> dict[str, float]:
    """Compare an answer with the truth; kept is the front and the undecided."""
    said = {each.point for each in answer.front}
    kept = said | {each.point for each in answer.undecided if each.values}
    likely = {each.point for each in (*answer.front, *answer.undecided) if each.likely}
    true = system.front
    spent_s = sum(answer.work.spent_s.values())
    return {
        "recall": len(kept & true) / len(true),
        "front_recall": len(said & true) / len(true),
        "precision": len(said & true) / max(len(said), 1),
        "likely_recall": len(likely & true) / len(true),
        "likely_precision": len(likely & true) / max(len(likely), 1),
        "volume": system.volume_share(kept),
        "undecided": float(len(kept - said)),
        "share": spent_s / system.exhaustive_s,
        "lean_share": (spent_s - answer.work.spent_s.get("official", 0.0)) / system.exhaustive_s,
        "official_floor": sum(IMAGENET.official(system.latencies_ms[name]) for name in true) / system.exhaustive_s,
    }


def exhaustive_front(system: System, case: Case, seed: int) -> set[str]:
    """Give the front that one exhaustive run under noise shows."""
    machine = meter(system, case, seed)
    latencies = [machine.official(point).values["latency_ms"] for point in SPACE.points]
    table = [(value, system.accuracies[point.model]) for value, point in zip(latencies, SPACE.points, strict=True)]
    return {point.name for point, keep in zip(SPACE.points, front(table, DIRECTIONS), strict=True) if keep}


def named(system: System, found: set[str], true: set[str]) -> dict[str, float]:
    """Score a set of names that is taken for the front."""
    hits = len(found & true)
    return {"recall": hits / len(true), "precision": hits / max(len(found), 1), "volume": system.volume_share(found)}


def in_order(system: System, case: Case, seed: int, order: Sequence[str]) -> dict[str, float]:
    """Measure whole points in an order until a fifth of the work is spent."""
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
    return named(system, found, system.front) | {"share": spent_s / system.exhaustive_s}


def one_probe(system: System, case: Case, seed: int) -> dict[str, float]:
    """One probe of ten seconds a point, priors taken as they are: what a race has to be better than."""
    machine = meter(system, case, seed)
    seen = [machine.probe(point, 10.0, 0) for point in SPACE.points]
    rows = [(each.values["latency_ms"], system.crowd[p.model]) for each, p in zip(seen, SPACE.points, strict=True)]
    found = {point.name for point, keep in zip(SPACE.points, front(rows, DIRECTIONS), strict=True) if keep}
    return named(system, found, system.front) | {"share": sum(each.cost_s for each in seen) / system.exhaustive_s}


def baselines(system: System, case: Case, seed: int, macs: dict[str, float]) -> dict[str, dict[str, float]]:
    """All the other ways, once."""
    shuffled = list(np.random.default_rng(seed).permutation(list(MODELS)))
    budget = Budget(0.2 * system.exhaustive_s, seed=seed)
    return {
        "random, 20 %": in_order(system, case, seed, shuffled),
        "fewest MACs first, 20 %": in_order(system, case, seed, sorted(MODELS, key=lambda name: macs[name])),
        "NSGA-II, 20 %": scores(system, search(SPACE, meter(system, case, seed), "nsga2", budget)),
        "TPE, 20 %": scores(system, search(SPACE, meter(system, case, seed), "tpe", budget)),
        "one probe of 10 s": one_probe(system, case, seed),
        "exhaustive, against the truth": named(system, exhaustive_front(system, case, seed), system.front)
        | {"share": 1.0},
        "exhaustive, against another": named(
            system, exhaustive_front(system, case, seed), exhaustive_front(system, case, seed + 1000)
        )
        | {"share": 2.0},
    }


def read_macs(path: Path) -> dict[str, float]:
    """Read MACs in millions by point; EfficientNets have one resolution each."""
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
    """Print median and worst of each column."""
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
    """Replay, print tables; 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tuned", action="store_true", help="the systems the settings were chosen on")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--settings", type=json.loads, default={}, help="changed settings of a study, as JSON")
    given = parser.parse_args()
    systems = read_systems(given.table, TUNED if given.tuned else JUDGING)
    settings = Settings(**given.settings)
    print("| case, median / worst (mean) | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    rows: dict[Case, list[dict[str, float]]] = {}
    for case in CASES:
        rows[case] = [race(system, case, seed, settings) for system in systems for seed in range(given.seeds)]
        show(f"race, {case.name}", rows[case])
    aimed = rows[Case(0.03)]
    for place, system in enumerate(systems):
        show(f"race, noise 3%, {system.name}", aimed[place * given.seeds : (place + 1) * given.seeds])
    if not given.no_baselines:
        macs = read_macs(given.accuracy)
        runs = [baselines(system, Case(0.03), seed, macs) for system in systems for seed in range(given.seeds)]
        for name in runs[0]:
            show(f"{name}, noise 3%", [each[name] for each in runs])
    floor = [row["official_floor"] for row in aimed]
    print(f"\nthe true front's official runs: {statistics.median(floor):.3f} / {max(floor):.3f} of the work")
    goals = {
        "recall >= 0.99": statistics.mean(row["recall"] for row in aimed) >= 0.99,
        "hypervolume >= 0.999": statistics.median(row["volume"] for row in aimed) >= 0.999,
        "share <= 0.20": statistics.median(row["share"] for row in aimed) <= 0.20,
        "share without official runs <= 0.05": statistics.median(row["lean_share"] for row in aimed) <= 0.05,
    }
    for goal, reached in goals.items():
        print(f"{goal}: {'reached' if reached else 'MISSED'}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
