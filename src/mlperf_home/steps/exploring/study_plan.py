"""The plan of a study, from a step's environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlperf_home.contracts.codec import OpenDocument, read_document
from mlperf_home.contracts.runs.session import dataset_text
from mlperf_home.contracts.studies.race import COPIED_SD, Belief, Protocol, Settings
from mlperf_home.contracts.studies.space import SPACE_LIMITS, SpaceDocument
from mlperf_home.contracts.studies.study import (
    DESCRIPTION_LIMITS,
    CandidateDescription,
    EngineEnvironment,
    RunConditions,
    StudyEngine,
    StudyPlan,
)
from mlperf_home.engines.calibration.budgets import EXPLORATION_S, SHORT_S, default_budget_s
from mlperf_home.harness.user_conf import Target, run_values
from mlperf_home.published.copied import copied_accuracies
from mlperf_home.rules import load_round
from mlperf_home.steps.exploring.options import WITHOUT_DATASET, models_of, race_settings, read_searcher
from mlperf_home.steps.run_request import WORKLOADS, backend_options, requested_round, run_prefix
from scriptgraph.api import Context, StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.runs.job import Scenario

_T = TypeVar("_T")
_METRICS: dict[Scenario, tuple[str, ...]] = {"SingleStream": ("latency_ms",), "Offline": ("samples_per_second",)}
_ACCURACIES = {"resnet": "top1_percent", "bert-99": "f1_percent"}


class _Prepared(OpenDocument):
    """The name and the size of a preprocessed dataset, in its facts file."""

    name: str = ""
    features: int = 0
    images: int = 0

    @property
    def samples(self) -> int:
        """The number of LoadGen's samples: features of questions, or images."""
        return self.features or self.images


def read_study_plan(context: Context, folder: Path, settings: Settings | None = None) -> StudyPlan:
    """Return the plan of the study that a step's environment describes; `folder` need not exist yet.

    `settings` replace the options of an exploration, of which none is read then.

    Raises:
        StepFailed: an option cannot be used, or no model is available.
    """
    candidates = _read_descriptions(context.text("CM_EXPLORE_CANDIDATES", ""), CandidateDescription)
    space = read_document(Path(context.text("CM_EXPLORE_SPACE")), SpaceDocument, SPACE_LIMITS)
    absent = _absent_models(context, space, candidates)
    if not candidates:
        first = next(iter(absent.values()), "the space has no models")
        raise StepFailed(f"no model is available; the first error: {first}")
    searcher, budget_s = ("race", None) if settings else read_searcher(context)
    prefix = tuple(run_prefix(context))
    without_dataset = settings is None and context.flag(WITHOUT_DATASET)
    running = _run_conditions(context, candidates, without_dataset=without_dataset)
    path = Path(candidates[0].dataset) / WORKLOADS[running.benchmark].facts_file
    prepared = read_document(path, _Prepared, DESCRIPTION_LIMITS)
    priors = {each.model: each.prior for each in candidates if each.prior}
    if without_dataset:
        # Of all models: the identity of the study does not depend on the ones that were fetched.
        copied = copied_accuracies(models_of(space), sample=running.sample)
        priors = {model: Belief(each.percent, COPIED_SD, f"copied: {each.source}") for model, each in copied.items()}
    return StudyPlan(
        space=space,
        settings=_settings(settings or race_settings(context), prepared, running),
        searcher=searcher,
        budget_s=budget_s,
        priors=priors,
        candidates={each.model: each.candidate for each in candidates},
        absent=absent,
        engines={each.backend: EngineEnvironment(each.python, prefix, each.system) for each in engines_of(context)},
        running=running,
        folder=folder,
        work_dir=context.folders.state / "engine-graphs",
        dataset=dataset_text(prepared.name, prepared.samples),
    )


def engines_of(context: Context) -> list[StudyEngine]:
    """Read the descriptions that the engines' steps wrote, the default engine first."""
    return _read_descriptions(context.text("CM_EXPLORE_ENGINES"), StudyEngine)


def _read_descriptions(paths: str, kind: type[_T]) -> list[_T]:
    """Read the files of a list of paths, one a line."""
    return [read_document(Path(line), kind, DESCRIPTION_LIMITS) for line in paths.splitlines() if line]


def _absent_models(
    context: Context, space: SpaceDocument, candidates: Sequence[CandidateDescription]
) -> dict[str, str]:
    """Return the reason for each model that is not available."""
    missing = {*models_of(space)} - {each.model for each in candidates}
    failures = context.failures("CM_EXPLORE_FAILED")
    usual = failures[0].report() if failures else "no step provides it"
    reasons = {str(each.values.get("CM_EXPLORE_MODEL")): each.report() for each in reversed(failures)}
    return {model: f"the model or its dataset is absent: {reasons.get(model, usual)}" for model in sorted(missing)}


def _run_conditions(
    context: Context, candidates: Sequence[CandidateDescription], *, without_dataset: bool
) -> RunConditions:
    benchmark, option = context.text("CM_MLPERF_BENCHMARK"), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    scenario = next((each for each in _METRICS if each == option), None)
    if scenario is None:
        raise StepFailed(f"--scenario={option}: cannot be explored; use {' or '.join(_METRICS)}")
    workload = WORKLOADS[benchmark]
    note = workload.facts(Path(candidates[0].dataset)).sample_note
    return RunConditions(
        round=requested_round(context).name,
        benchmark=benchmark,
        scenario=scenario,
        style=context.text("CM_MLPERF_EXECUTION_MODE"),
        dataset_kind=workload.kind,
        sample=bool((note and not without_dataset) or context.flag("CM_DATASET_SAMPLE")),
        stall_timeout_s=context.number("CM_MLPERF_STALL_TIMEOUT_S") or 300.0,
        test_query_count=context.whole("CM_MLPERF_TEST_QUERY_COUNT"),
        options=backend_options(context),
        calibration_s=context.number("CM_MLPERF_CALIBRATION_SECONDS") or _calibration_s(context, benchmark),
        without_dataset=without_dataset,
    )


def _calibration_s(context: Context, benchmark: str) -> float:
    """Return the time for each calibration: threads are two or three candidates, grids are eight and more."""
    longest_s = EXPLORATION_S if benchmark == "resnet" else SHORT_S
    return min(longest_s, default_budget_s(context.text("CM_MLPERF_EXECUTION_MODE"), sample=True))


def _settings(settings: Settings, prepared: _Prepared, running: RunConditions) -> Settings:
    rules = load_round(running.round)
    target, count = Target(1.0, measured=False), running.test_query_count
    values = run_values(rules, running.scenario, running.style, target, count, benchmark=running.benchmark)
    least = rules.scenarios[running.scenario]
    queries = rules.min_query_count(running.scenario, running.benchmark)
    # The work of a sweep is that over the whole dataset, even where there is none.
    whole = running.without_dataset and not running.sample
    protocol = Protocol(
        samples=rules.benchmarks[running.benchmark].dataset_sample_count if whole else prepared.samples,
        official_s=values.get("min_duration", least.min_duration_ms) / 1000,
        official_queries=int(values.get("min_query_count", queries)),
    )
    metrics, accuracy = _METRICS[running.scenario], _ACCURACIES[running.benchmark]
    return replace(settings, metrics=metrics, accuracy=accuracy, protocol=protocol)
