"""An exploration as a step: the study runs in the workload's environment; its results are added to an experiment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.studies.answer import read_answer
from mlperf_home.contracts.studies.estimate import CopiedAccuracy
from mlperf_home.contracts.studies.events import OfficialRunDone, StudyDoing, StudyStanding, read_study_event
from mlperf_home.contracts.studies.narrowing import read_narrowing
from mlperf_home.exploration.live.left_out import raced_space
from mlperf_home.exploration.live.plan import space_of
from mlperf_home.measurements.latency_only import with_copied_accuracy
from mlperf_home.steps.exploring.experiment import begin_exploration
from mlperf_home.steps.exploring.official_results import official_measurement
from mlperf_home.steps.exploring.study_plan import read_study_plan
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing, read_pricing
from mlperf_home.steps.next_commands import after_exploration
from mlperf_home.steps.reports import answer_tables, duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.contracts.studies.narrowing import NarrowingDocument
    from mlperf_home.contracts.studies.study import StudyPlan
    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.api import Context


def explore(context: Context) -> Path:
    """Run or resume the exploration that the step's environment describes; show its answer, and return its file.

    Raises:
        LocatedError: the experiment or its journal cannot be used.
        StepFailed: an option cannot be used, or the study ended without an answer.
    """
    prices = read_pricing(context)  # an error in it must come before a long run
    plan = read_study_plan(context, context.results_home)
    experiment = begin_exploration(context, plan)
    plan = replace(plan, folder=experiment.folder)
    if plan.running.without_dataset:
        plan = narrowed_plan(plan, read_narrowing(context.existing("CM_EXPLORE_NARROWING")))
    listener = _StudyListener(context, plan, experiment, prices)
    path = context.output / "study.json"
    write_document(path, plan)
    count = len(raced_space(plan).points)
    context.say(f"experiment {experiment.name}: {count} points; after a stop, the same command resumes it")
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
    context.suggest(after_exploration(context, experiment, without_dataset=plan.running.without_dataset))
    return experiment.answer


def narrowed_plan(plan: StudyPlan, found: NarrowingDocument) -> StudyPlan:
    """Return the plan of a race over the models that a prediction leaves."""
    unraced = found.left_out.keys()
    absent = {model: found.absent.get(model, why) for model, why in plan.absent.items() if model not in unraced}
    return replace(plan, absent=absent, left_out=found.left_out, predicting_s=found.spent_s)


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
        def with_accuracy(measurement: Measurement) -> Measurement:
            prior = self._plan.priors.get(point.model)
            if prior is None or not self._plan.running.without_dataset:
                return measurement
            copied = CopiedAccuracy(percent=prior.percent, source=prior.source.removeprefix("copied: "))
            return with_copied_accuracy(measurement, self._plan.settings.accuracy, copied)

        return official_measurement(self._context, self._plan, point, self._prices, with_accuracy)
