"""An exploration as a step: its study runs in the workload's environment, its results go into the experiment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.answer import read_answer
from mlperf_home.contracts.codec import encode, write_document
from mlperf_home.contracts.experiment import ExplorationOrigin
from mlperf_home.contracts.study_events import OfficialRunDone, StudyDoing, StudyStanding, read_study_event
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.exploration.live.plan import space_of, subject_of
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Measurement, Weights, to_json, with_weights
from mlperf_home.steps.exploring.options import models_of
from mlperf_home.steps.exploring.study_plan import engines_of, read_study_plan
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing, machine_facts, pricing
from mlperf_home.steps.reports import answer_tables, duration
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.contracts.study import StudyPlan
    from mlperf_home.exploration.definition.space import Point
    from scriptgraph.api import Context


def explore(context: Context) -> Path:
    """Run the exploration that the step's environment describes, or go on with it; show its answer, return its file.

    Raises:
        LocatedError: the experiment or its journal cannot be used.
        StepFailed: an option cannot be used, or the study ended without an answer.
    """
    prices = pricing(context)  # what is wrong with it is said before a long run
    experiments = Experiments(context.path("CM_MLPERF_EXPERIMENTS_DIR") or context.folders.state.parent / "experiments")
    plan = read_study_plan(context, experiments.root)
    experiment = _begin(context, experiments, plan)
    plan = replace(plan, folder=experiment.folder)
    told = _Told(context, plan, experiment, prices)
    path = context.output / "study.json"
    write_document(path, plan)
    context.say(
        f"experiment {experiment.name}: {len(space_of(plan).points)} points; once stopped, run it again to go on"
    )
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH", "") if plan.searcher != "race" else ""
    python = python or next(iter(plan.engines.values())).python
    run_module(context.command, [python], ["mlperf_home.exploration.live", "--plan", path], on_line=told.line)
    answer = read_answer(experiment.answer)
    told.take_in(each.point for each in (*answer.front, *answer.undecided, *answer.dropped) if each.official)
    for title, rows in answer_tables(answer):
        context.table(title, rows)
    for warning in answer.warnings:
        context.warn(warning)
    places = {"answer": experiment.answer, "journal": experiment.journal, "results": experiment.folder / "results"}
    context.table("Where it is", [("experiment", experiment.name), *((name, str(p)) for name, p in places.items())])
    return experiment.answer


def _begin(context: Context, experiments: Experiments, plan: StudyPlan) -> Experiment:
    """Begin the experiment, or go on with the one that the same options began."""
    made_by = ExplorationOrigin(
        space=plan.space,
        settings=plan.settings,
        searcher=plan.searcher,
        budget_s=plan.budget_s,
        running=plan.running,
        engines={each.backend: each.version for each in engines_of(context)},
        system=subject_of(plan).system,
    )
    name = context.text("CM_MLPERF_EXPERIMENT_NAME", exploration_name(made_by))
    families = {model.partition("/")[0].removeprefix("sample-").partition("-")[0] for model in models_of(plan.space)}
    tags = ["explore", *sorted(families), *(["sample"] if plan.running.sample else [])]
    return experiments.begin(name, "exploration", tags, made_by, sample=plan.running.sample)


def exploration_name(made_by: ExplorationOrigin) -> str:
    """Return the name of an exploration of the same options."""
    digest = hashlib.sha256(json.dumps(encode(made_by), sort_keys=True).encode()).hexdigest()[:8]
    return f"explore-{made_by.space.name}-{digest}"


class _Told:
    """Hears what the study tells, in words for the user, and takes in official results as they come."""

    def __init__(self, context: Context, plan: StudyPlan, experiment: Experiment, prices: Pricing) -> None:
        self._context, self._plan, self._experiment, self._prices = context, plan, experiment, prices
        self._points = {point.name: point for point in space_of(plan).points}

    def line(self, line: str) -> None:
        """Take one line of the study's standard output; other programs' lines are left to the log."""
        event = read_study_event(line)
        if isinstance(event, StudyDoing):
            self._context.progress(event.what, event.done, event.of)
        elif isinstance(event, StudyStanding):
            left = f", at most about {duration(event.left_s)} left" if event.left_s else ""
            parts = f"front {event.front}, undecided {event.undecided}, dropped {event.dropped}"
            self._context.say(f"{parts}; {duration(event.spent_s)} spent{left}")
        elif isinstance(event, OfficialRunDone):
            self.take_in([event.point])

    def take_in(self, points: Iterable[str]) -> None:
        """Make measurements of official results, and keep them in the experiment; what is there stays once."""
        self._experiment.store.append(self._measurement(self._points[name]) for name in points)

    def _measurement(self, point: Point) -> Measurement:
        folder, candidate = official_folder(self._plan, point), self._plan.candidates[point.model]
        system = machine_facts(self._context, folder.root.parent.parent.name)
        found = ingest(folder.root, system, candidate.name, self._prices.of(system))
        measurement = with_weights(found, Weights(candidate.weight_type, candidate.source))
        replace_text(folder.measurement, to_json(measurement))
        return measurement
