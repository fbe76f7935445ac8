"""Explore the sample's eight MobileNets on this machine, and compare with two exhaustive sweeps.

Each sweep measures all points and computes the front of their values. The race's answer is compared with the first
sweep, and the sweeps with each other, because two sweeps of one machine differ too. Needs LoadGen, LiteRT and OpenCV in
this Python (`.[test]`).

    python benchmarks/exploration_live.py --folder DIR

An existing folder is resumed. The results are sample data, not MLPerf results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.studies.race import Belief, Protocol, Settings
from mlperf_home.contracts.studies.study import Candidate, EngineEnvironment, RunConditions, StudyPlan
from mlperf_home.exploration.definition.answer import to_json
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import JournaledMeter
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.meter import LiveMeter
from mlperf_home.exploration.live.plan import space_of, subject_of
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front
from mlperf_home.samples import mobilenet
from mlperf_home.steps.exploring.candidates import PRIOR_SD
from mlperf_home.steps.exploring.options import known_space

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.answer import Answer
    from mlperf_home.exploration.definition.space import Point

IMAGES = 1200
OFFICIAL_S = 10.0
"""The duration of an official run of style `sample`."""
PROBE_S = 0.1


def run_module(*words: object) -> None:
    """Run a module of the package in a new process."""
    subprocess.run([sys.executable, "-m", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def datasets(folder: Path) -> dict[str, Path]:
    """Make the sample's images in both resolutions unless they exist; return their folders by resolution."""
    images = folder / "images"
    if not images.exists():
        run_module("mlperf_home.samples.images.image_files", "--out", images, "--images", IMAGES)
    made = {resolution: folder / f"images-{resolution}" for resolution in ("64", "96")}
    for resolution, out in made.items():
        if not out.exists():
            words = ["--images", images, "--labels", images / "val_map.txt", "--resolution", resolution]
            words += ["--recipe", "mlperf-v3.1", "--family", "mobilenet", "--out", out, "--partial", folder / "partial"]
            run_module("mlperf_home.datasets.imagenet", *words)
    return made


def make_plan(folder: Path, name: str) -> StudyPlan:
    """Return a plan with its results and journal in the folder `name`."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    images, candidates, priors = datasets(folder), {}, {}
    for file, path in mobilenet.MODELS.items():
        _, multiplier, resolution, precision = file.split("_")
        model = f"sample-mobilenet/{multiplier}/{resolution}/{precision}"
        candidates[model] = Candidate(file, str(path), str(images[resolution]))
        percent = mobilenet.provenance()["models"][path.name]["accuracy_percent"]
        priors[model] = Belief(percent, PRIOR_SD, "sample.json")
    return StudyPlan(
        space=known_space("sample_mobilenets"),
        settings=Settings(first_probe_s=PROBE_S, protocol=Protocol(IMAGES, OFFICIAL_S, 1024)),
        searcher="race",
        budget_s=None,
        priors=priors,
        candidates=candidates,
        absent={},
        engines={"litert": EngineEnvironment(sys.executable, (), "this-machine")},
        running=RunConditions("v3.1", "resnet", "SingleStream", "sample", "imagenet", True, 60.0, None, {}),
        folder=folder / name,
        work_dir=folder / "work",
    )


def exhaustive(plan: StudyPlan) -> tuple[dict[str, tuple[float, float]], float]:
    """Measure every point officially and on all images; give latency and top-1 by point, and the seconds it took."""
    space, values, spent_s = space_of(plan), {}, 0.0
    identity = {"exhaustive": [point.name for point in space.points]}
    with Journal(plan.folder / "journal.jsonl", identity) as journal, Engines(plan.engines) as engines:
        meter = JournaledMeter(LiveMeter(plan, engines, lambda _point: None), journal)
        for point in space.points:
            run, count = meter.official(point), meter.check(point, 0, IMAGES)
            values[point.name] = (run.values["latency_ms"], 100 * count.correct / count.count)
            spent_s += run.cost_s + count.cost_s
    return values, spent_s


def race(plan: StudyPlan) -> Answer:
    """Run the race and return its answer."""

    def ignore(_point: Point) -> None:
        return

    identity = study_identity(space_of(plan), plan.priors, plan.settings)
    with Journal(plan.folder / "journal.jsonl", identity) as journal, Engines(plan.engines) as engines:
        return Study(space_of(plan), LiveMeter(plan, engines, ignore), plan.priors, plan.settings, journal).run()


def front_of(values: dict[str, tuple[float, float]]) -> set[str]:
    """Return the points on the front of measured values."""
    return {name for name, keep in zip(values, front(list(values.values()), ("min", "max")), strict=True) if keep}


def agreement(found: set[str], expected: set[str]) -> dict[str, float]:
    """Return recall and precision of the found points."""
    return {"recall": len(found & expected) / len(expected), "precision": len(found & expected) / max(1, len(found))}


def figures(folder: Path, seeds: int) -> dict[str, Any]:
    """Run the sweeps and the races, and compare them."""
    sweeps = [exhaustive(make_plan(folder, f"exhaustive-{number}")) for number in (1, 2)]
    fronts = [front_of(values) for values, _ in sweeps]
    sweep_s = sum(seconds for _, seconds in sweeps) / 2
    document: dict[str, Any] = {
        "points": len(sweeps[0][0]),
        "front": sorted(fronts[0]),
        "sweep_s": sweep_s,
        "second sweep": agreement(fronts[1], fronts[0]),
        "races": [],
    }
    for seed in range(seeds):
        plan = make_plan(folder, f"race-{seed}")
        plan = replace(plan, settings=replace(plan.settings, seed=seed))
        start_s = time.monotonic()
        answer = race(plan)
        (plan.folder / "answer.json").write_text(to_json(answer, subject_of(plan)), encoding="utf-8")
        kept = {each.point for each in (*answer.front, *answer.undecided)}
        likely = {each.point for each in (*answer.front, *answer.undecided) if each.likely}
        spent = answer.work.spent_s
        own_s = spent["probe"] + spent["check"]
        document["races"].append(
            {
                "front": sorted(member.point for member in answer.front),
                "undecided": sorted(member.point for member in answer.undecided),
                "kept": agreement(kept, fronts[0]),
                "front alone": agreement({member.point for member in answer.front}, fronts[0]),
                "likely": agreement(likely, fronts[0]),
                "spent_s": dict(spent),
                "wall_s": time.monotonic() - start_s,
                "work": sum(spent.values()) / sweep_s,
                "work without official runs": own_s / sweep_s,
                # The race's own work does not depend on the length of official runs, of which a sweep consists.
                "work if official runs took 600 s": _with_official(
                    own_s, len(answer.front), document["points"], sweep_s
                ),
            }
        )
    return document


def _with_official(own_s: float, official: int, points: int, sweep_s: float) -> float:
    longer_s = 600 - OFFICIAL_S
    return (own_s + 600 * official) / (sweep_s + points * longer_s)


def main() -> int:
    """Print the figures as JSON; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the folder of runs")
    parser.add_argument("--seeds", type=int, default=2, help="the number of races")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures(arguments.folder.absolute(), arguments.seeds), indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
