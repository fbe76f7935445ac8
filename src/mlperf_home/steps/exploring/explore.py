"""An exploration as a step: the study runs in the workload's environment; its results are added to an experiment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode, write_document
from mlperf_home.contracts.studies.answer import read_answer
from mlperf_home.contracts.studies.events import OfficialRunDone, StudyDoing, StudyStanding, read_study_event
from mlperf_home.contracts.studies.experiment import ExplorationOrigin
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.exploration.live.plan import space_of, subject_of
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Measurement, Weights, to_json, with_weights
from mlperf_home.steps.exploring.options import models_of
from mlperf_home.steps.exploring.study_plan import engines_of, read_study_plan
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing, machine_facts, read_pricing
from mlperf_home.steps.next_commands import after_exploration
from mlperf_home.steps.reports import answer_tables, duration
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.contracts.studies.study import StudyPlan
    from mlperf_home.exploration.definition.space import Point
    from scriptgraph.api import Context


def explore(context: Context) -> Path:
    """Run or resume the exploration that the step's environment describes; show its answer, and return its file.

    Raises:
        LocatedError: the experiment or its journal cannot be used.
        StepFailed: an option cannot be used, or the study ended without an answer.
    """
    prices = read_pricing(context)  # an error in it must come before a long run
    folder = context.output_path("CM_MLPERF_EXPERIMENTS_DIR", context.results_home / "experiments")
    experiments = Experiments(folder)
    plan = read_study_plan(context, experiments.root)
    experiment = _begin(context, experiments, plan)
    plan = replace(plan, folder=experiment.folder)
    listener = _StudyListener(context, plan, experiment, prices)
    path = context.output / "study.json"
    write_document(path, plan)
    context.say(
        f"experiment {experiment.name}: {len(space_of(plan).points)} points; after a stop, the same command resumes it"
    )
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH")
    run_module(context.command, [python], ["mlperf_home.exploration.live", "--plan", path], on_line=listener.read_line)
    answer = read_answer(experiment.answer)
    listener.add_results(each.point for each in (*answer.front, *answer.undecided, *answer.dropped) if each.official)
    for title, rows in answer_tables(answer):
        context.table(title, rows)
    for warning in answer.warnings:
        context.warn(warning)
    places = {"answer": experiment.answer, "journal": experiment.journal, "results": experiment.folder / "results"}
    context.table("Files", [("experiment", experiment.name), *((name, str(p)) for name, p in places.items())])
    context.suggest(after_exploration(context, experiment))
    return experiment.answer


def _begin(context: Context, experiments: Experiments, plan: StudyPlan) -> Experiment:
    """Create the experiment, or resume the one of the same options."""
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
    """Return the default name of an exploration; equal options have equal names."""
    digest = hashlib.sha256(json.dumps(encode(made_by), sort_keys=True).encode()).hexdigest()[:8]
    return f"explore-{made_by.space.name}-{digest}"


class _StudyListener:
    """Reports a study's events to the user, and adds its official results to the experiment."""

    def __init__(self, context: Context, plan: StudyPlan, experiment: Experiment, prices: Pricing) -> None:
        self._context, self._plan, self._experiment, self._prices = context, plan, experiment, prices
        self._points = {point.name: point for point in space_of(plan).points}

    def read_line(self, line: str) -> None:
        """Read one line of the study's standard output; lines of other programs are only logged."""
        event = read_study_event(line)
        if isinstance(event, StudyDoing):
            self._context.progress(event.what, event.done, event.of)
        elif isinstance(event, StudyStanding):
            left = f", at most about {duration(event.left_s)} left" if event.left_s else ""
            parts = f"front {event.front}, undecided {event.undecided}, dropped {event.dropped}"
            self._context.say(f"{parts}; {duration(event.spent_s)} spent{left}")
        elif isinstance(event, OfficialRunDone):
            self.add_results([event.point])

    def add_results(self, points: Iterable[str]) -> None:
        """Add the measurements of official runs to the experiment; a measurement is stored once."""
        store = self._experiment.store
        store.append(self._measurement(self._points[name]) for name in points)
        for damage in store.damages:
            self._context.warn(damage)

    def _measurement(self, point: Point) -> Measurement:
        folder, candidate = official_folder(self._plan, point), self._plan.candidates[point.model]
        system = machine_facts(self._context, folder.root.parent.parent.name)
        ingested = ingest(folder.root, system, candidate.name, self._prices.of(system))
        measurement = with_weights(ingested, Weights(candidate.weight_type, candidate.source))
        replace_text(folder.measurement, to_json(measurement))
        return measurement
