"""An estimate as a step: a few models are measured in the workload's environment, the others are predicted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from msgspec import structs

from mlperf_home.contracts.codec import encode, write_document
from mlperf_home.contracts.studies.estimate import ESTIMATE_FILE, EstimateRequest, read_estimate
from mlperf_home.contracts.studies.events import StudyDoing, read_study_event
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.exploration.live.plan import space_of
from mlperf_home.measurements.latency_only import with_copied_accuracy
from mlperf_home.published.copied import copied_accuracies
from mlperf_home.published.places import RUNTIMES
from mlperf_home.steps.estimating.estimate_tables import estimate_tables
from mlperf_home.steps.exploring.official_results import official_measurement
from mlperf_home.steps.exploring.options import models_of
from mlperf_home.steps.exploring.study_plan import engines_of, read_study_plan
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing
from mlperf_home.steps.next_commands import after_estimate

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.api import Context

_RESULTS = "CM_MLPERF_RESULTS_DIR"


def make_estimate(context: Context) -> Path:
    """Measure the chosen models, estimate all, show the estimate, and return its file.

    Raises:
        LocatedError: the journal of an earlier attempt cannot be used.
        StepFailed: an option cannot be used, or too few models could be measured.
    """
    request = read_request(context)
    path = context.output / "request.json"
    write_document(path, request)
    request.study.folder.mkdir(parents=True, exist_ok=True)
    count = len(request.study.candidates)
    context.say(f"models to measure: {count}; rounds of probes: {request.rounds}, {request.probe_s:g} s each")
    context.say("after a stop, the same command resumes this")
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH")
    words: list[str | Path] = ["mlperf_home.exploration.live.estimate", "--request", path]

    def show_progress(line: str) -> None:
        event = read_study_event(line)
        if isinstance(event, StudyDoing):
            context.progress(event.what, event.done, event.of)

    run_module(context.command, [python], words, on_line=show_progress)
    made = request.study.folder / ESTIMATE_FILE
    estimate = read_estimate(made)
    for title, rows in estimate_tables(estimate):
        context.table(title, rows)
    for warning in estimate.warnings:
        context.warn(warning)
    context.say(f"the estimate: {made}")
    if request.study.results is not None:
        _keep_results(context, request)
    context.suggest(after_estimate(context, sample=request.sample))
    return made


def _keep_results(context: Context, request: EstimateRequest) -> None:
    """Write the measurement of each model that ran officially, with the accuracy that others published."""
    study, prices = request.study, Pricing(None, None)
    kept = 0
    for point in space_of(study).points:
        if point.model not in study.candidates or not official_folder(study, point).complete("performance"):
            continue
        accuracy = request.accuracies.get(point.model)
        official_measurement(
            context,
            study,
            point,
            prices,
            partial(with_copied_accuracy, name=study.settings.accuracy, accuracy=accuracy),
        )
        kept += 1
    context.say(f"latencies with LoadGen's logs, accuracies copied: {kept} results in {study.results}")


def read_request(context: Context) -> EstimateRequest:
    """Return the request that a step's environment describes."""
    sample = context.flag("CM_DATASET_SAMPLE")
    study = read_study_plan(context, context.results_home, Settings())
    chosen = context.text("CM_EXPLORE_MODELS").split()
    # Models that are only predicted have no files, and need none.
    study = replace(study, absent={model: why for model, why in study.absent.items() if model in chosen})
    engine = engines_of(context)[0]
    request = EstimateRequest(
        study=study,
        accuracies=copied_accuracies(models_of(study.space), sample=sample),
        results="sample" if sample else "images",
        sample=sample,
        runtime=RUNTIMES[engine.backend],
        engine=f"{engine.backend} {engine.version}".strip(),
        cpu=context.text("CM_HOST_CPU_MODEL_NAME", ""),
        rounds=context.whole("CM_ESTIMATE_ROUNDS") or 1,
        probe_s=context.number("CM_ESTIMATE_PROBE_S") or 1.0,
    )
    folder = context.output_path("CM_ESTIMATES_DIR", context.results_home / "estimates") / _name(request)
    study = replace(study, folder=folder)
    if context.text(_RESULTS, ""):
        # The images are the sample's even where the models are not, and the accuracies are others'.
        style = context.text("CM_ESTIMATE_RUN_LENGTH")
        running = replace(study.running, sample=sample, without_dataset=True, style=style)
        study = replace(study, running=running, results=context.output_path(_RESULTS, folder / "results"))
    return structs.replace(request, study=study)


def _name(request: EstimateRequest) -> str:
    """Return the folder's name; requests for the same measurements have the same."""
    document = encode(request)
    document["study"] |= {"folder": "", "priors": {}}
    document["study"].pop("results", None)
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    return f"estimate-{request.study.space.name}-{digest}"
