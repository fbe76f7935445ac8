"""A stage of narrowing as a step: the models fetched so far are probed, and those that may be on the front are next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.studies.events import StudyDoing, read_study_event
from mlperf_home.contracts.studies.narrowing import (
    NARROWING_FILE,
    STAGES,
    NarrowingDocument,
    NarrowingRequest,
    read_narrowing,
)
from mlperf_home.published.copied import copied_accuracies
from mlperf_home.published.places import RUNTIMES
from mlperf_home.steps.exploring.experiment import begin_exploration
from mlperf_home.steps.exploring.options import models_of
from mlperf_home.steps.exploring.study_plan import engines_of, read_study_plan
from mlperf_home.steps.launch import run_module

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.api import Context

_ROUNDS = 3


def narrow_models(context: Context) -> tuple[Path, tuple[str, ...]]:
    """Probe the models fetched so far; return the stage's document, and the models to fetch next.

    Raises:
        LocatedError: the experiment or its journal cannot be used, or too few models could be measured.
        StepFailed: an option cannot be used, or no model is available.
    """
    if _is_later(context) and not context.text("CM_EXPLORE_MODELS").split():
        return context.existing("CM_EXPLORE_NARROWING"), ()
    request = _read_request(context)
    study = request.study
    path = context.output / "request.json"
    write_document(path, request)
    count, total = len(study.candidates), len(models_of(study.space))
    context.say(f"stage {request.stage} of {STAGES}: probe {count} of {total} models; accuracies are copied")
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH")

    def show_progress(line: str) -> None:
        event = read_study_event(line)
        if isinstance(event, StudyDoing):
            context.progress(event.what, event.done, event.of)

    words: list[str | Path] = ["mlperf_home.exploration.live.narrow", "--request", path]
    run_module(context.command, [python], words, on_line=show_progress)
    made = study.folder / NARROWING_FILE
    found = read_narrowing(made)
    for warning in found.warnings:
        context.warn(warning)
    context.say(_words(found))
    return made, found.following


def _words(found: NarrowingDocument) -> str:
    ruled_out = sum(not each.fetched for each in found.left_out.values())
    following = f"; next: {len(found.following)} that may be on the front" if found.following else ""
    return f"ruled out: {ruled_out} models that were not fetched{following}"


def _read_request(context: Context) -> NarrowingRequest:
    plan = read_study_plan(context, context.results_home)
    chosen = context.text("CM_EXPLORE_MODELS").split()
    earlier = read_narrowing(context.existing("CM_EXPLORE_NARROWING")).absent if _is_later(context) else {}
    # Other models have no files yet, and may need none.
    absent = {**earlier, **{model: why for model, why in plan.absent.items() if model in chosen}}
    experiment = begin_exploration(context, plan)
    return NarrowingRequest(
        study=replace(plan, folder=experiment.folder, absent=absent),
        accuracies=copied_accuracies(models_of(plan.space), sample=plan.running.sample),
        results="sample" if plan.running.sample else "images",
        runtime=RUNTIMES[engines_of(context)[0].backend],
        rounds=_ROUNDS,
        probe_s=plan.settings.first_probe_s,
        stage=context.whole("CM_EXPLORE_STAGE") or 1,
    )


def _is_later(context: Context) -> bool:
    return (context.whole("CM_EXPLORE_STAGE") or 1) > 1
