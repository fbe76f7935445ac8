"""An exploration as a step: its study runs in the workload's environment, its results go into the experiment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.exploration.live.plan import StudyPlan
from mlperf_home.exploration.live.plan import to_json as plan_json
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Weights, to_json, with_weights
from mlperf_home.steps.exploring.answer_rows import answer_tables, duration
from mlperf_home.steps.exploring.plan import engines_of, read_study_plan
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing, machine_facts, pricing
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.exploration.definition.space import Point
    from scriptgraph.api import Context


def explore(context: Context) -> Path:
    """Run the exploration that the step's environment describes, or go on with it, and show its answer.

    Returns:
        The answer's file.

    Raises:
        LocatedError: the experiment or its journal cannot be used.
        StepFailed: an option cannot be used, or the study ended without an answer.
    """
    prices = pricing(context)  # what is wrong with it is said before a long run
    experiments = Experiments(context.path("CM_MLPERF_EXPERIMENTS_DIR") or context.folders.state.parent / "experiments")
    plan = read_study_plan(context, experiments.root)
    experiment = _begin(context, experiments, plan)
    plan = read_study_plan(context, experiment.folder)
    told = _Told(context, plan, experiment, prices)
    path = context.output / "study.json"
    path.write_text(plan_json(plan), encoding="utf-8")
    context.say(f"experiment {experiment.name}: {len(plan.points.points)} points; once stopped, run it again to go on")
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH", "") if plan.searcher != "race" else ""
    run_module(
        context.command,
        [python or next(iter(plan.engines.values())).python],
        ["mlperf_home.exploration.live", "--plan", path],
        on_line=told.line,
    )
    answer = json.loads(experiment.answer.read_text("utf-8"))
    told.take_in(
        each["point"] for part in ("front", "undecided", "dropped") for each in answer[part] if each["official"]
    )
    for title, rows in answer_tables(answer):
        context.table(title, rows)
    for warning in answer["warnings"]:
        context.warn(warning)
    places = {"answer": experiment.answer, "journal": experiment.journal, "results": experiment.folder / "results"}
    context.table("Where it is", [("experiment", experiment.name), *((name, str(p)) for name, p in places.items())])
    return experiment.answer


def _begin(context: Context, experiments: Experiments, plan: StudyPlan) -> Experiment:
    """Begin the experiment, or go on with the one that the same options began."""
    made_by = {
        "space": plan.space,
        "settings": asdict(plan.settings),
        "searcher": plan.searcher,
        "budget_s": plan.budget_s,
        "running": asdict(plan.running),
        "engines": {each["backend"]: each["version"] for each in engines_of(context)},
        "system": plan.about.system,
    }
    digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:8]
    name = context.text("CM_MLPERF_EXPERIMENT_NAME", f"explore-{plan.about.name}-{digest}")
    families = {point.model.partition("/")[0].removeprefix("sample-").partition("-")[0] for point in plan.points.points}
    tags = ["explore", *sorted(families), *(["sample"] if plan.running.sample else [])]
    return experiments.begin(name, "exploration", tags, made_by, sample=plan.running.sample)


class _Told:
    """Hears what the study tells, in words for the user, and takes in official results as they come."""

    def __init__(self, context: Context, plan: StudyPlan, experiment: Experiment, prices: Pricing) -> None:
        self._context, self._plan, self._experiment, self._prices = context, plan, experiment, prices
        self._points = {point.name: point for point in plan.points.points}

    def line(self, line: str) -> None:
        """Take one line of the study's standard output; other programs' lines are left to the log."""
        try:
            told = json.loads(line)
            event = told["event"]
        except (ValueError, KeyError, TypeError):
            return
        if event == "doing":
            self._context.progress(told["what"], told["done"], told["of"])
        elif event in {"standing", "answered"}:
            left = f", at most about {duration(told['left_s'])} left" if told["left_s"] else ""
            parts = ", ".join(f"{part} {told[part]}" for part in ("front", "undecided", "dropped"))
            self._context.say(f"{parts}; {duration(told['spent_s'])} spent{left}")
        elif event == "official":
            self.take_in([told["point"]])

    def take_in(self, points: Any) -> None:
        """Make measurements of official results, and keep them in the experiment; what is there stays once."""
        self._experiment.store.append(self._measurement(self._points[name]) for name in points)

    def _measurement(self, point: Point) -> Any:
        folder, candidate = official_folder(self._plan, point), self._plan.candidates[point.model]
        system = machine_facts(self._context, folder.root.parent.parent.name)
        found = ingest(folder.root, system, candidate.name, self._prices.of(system))
        measurement = with_weights(found, Weights(candidate.weight_type, candidate.source))
        replace_text(folder.measurement, to_json(measurement))
        return measurement
