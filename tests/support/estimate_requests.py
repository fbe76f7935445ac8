"""Requests for estimates, and published machines to answer them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.contracts.studies.estimate import EstimateRequest
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.contracts.studies.study import Candidate, EngineEnvironment, RunConditions, StudyPlan
from mlperf_home.prediction.estimate import MeasuredLatency
from mlperf_home.published.copied import copied_accuracies
from mlperf_home.published.results import shipped_results
from mlperf_home.steps.exploring.options import known_space, models_of

if TYPE_CHECKING:
    from pathlib import Path

SPACE = known_space("mobilenets")
MODELS = models_of(SPACE)
IMAGES = shipped_results("images")
CHOSEN = IMAGES.probes[:8]


def machine_of(platform: str) -> dict[str, float]:
    """Return the published latencies by model of the first complete machine whose platform begins so."""
    found = [
        table
        for system, table in IMAGES.latencies()
        if system.platform.startswith(platform) and all(model in table for model in MODELS)
    ]
    return {model: found[0][model] for model in MODELS}


def measured_of(machine: dict[str, float], models: tuple[str, ...] = CHOSEN) -> dict[str, MeasuredLatency]:
    """Return some of a machine's latencies as measurements."""
    return {model: MeasuredLatency(machine[model], 0.03) for model in models}


def request_of(folder: Path, runtime: str = "tflite-cpp", chosen: tuple[str, ...] = CHOSEN) -> EstimateRequest:
    """Return a request for the 81 models."""
    study = StudyPlan(
        space=SPACE,
        settings=Settings(),
        searcher="race",
        budget_s=None,
        priors={},
        candidates={model: Candidate(model.replace("/", "-"), "/no/model.tflite", "/no/images") for model in chosen},
        absent={},
        engines={"litert": EngineEnvironment("/usr/bin/python3", (), "machine")},
        running=RunConditions("v3.1", "resnet", "SingleStream", "test", "imagenet", True, 60.0, None, {}),
        folder=folder,
        work_dir=folder / "work",
    )
    return EstimateRequest(
        study=study,
        accuracies=copied_accuracies(MODELS, sample=False),
        results="images",
        sample=False,
        runtime=runtime,
        engine="litert 2.3.0",
        cpu="A CPU",
        rounds=3,
        probe_s=1.0,
    )


def with_absent(request: EstimateRequest, reasons: dict[str, str]) -> EstimateRequest:
    """Return the request with models that could not be fetched."""
    study = request.study
    candidates = {model: each for model, each in study.candidates.items() if model not in reasons}
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return EstimateRequest(**{**fields, "study": replace(study, candidates=candidates, absent=reasons)})
