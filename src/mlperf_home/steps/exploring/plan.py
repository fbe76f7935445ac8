"""An exploration's plan, read from a step's environment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.exploration.definition.beliefs import Belief
from mlperf_home.exploration.definition.settings import Protocol, Settings
from mlperf_home.exploration.definition.space import decode_space
from mlperf_home.exploration.live.plan import Candidate, Engine, Running, StudyPlan
from mlperf_home.harness.user_conf import Target, run_values
from mlperf_home.rules import load_round
from mlperf_home.steps.exploring.candidates import read_candidates
from mlperf_home.steps.exploring.options import asked_searcher, race_settings
from mlperf_home.steps.run_request import backend_options, run_prefix
from mlperf_home.steps.workloads import WORKLOADS
from scriptgraph.api import Context, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_METRICS = {"SingleStream": ("latency_ms",), "Offline": ("samples_per_second",)}
_CANDIDATE_KEYS = ("name", "path", "dataset", "questions", "weight_type", "source")
_ACCURACIES = {"resnet": "top1_percent", "bert-99": "f1_percent"}


def read_study_plan(context: Context, folder: Path) -> StudyPlan:
    """Return the plan of the exploration that a step's environment describes.

    Args:
        context: the step's.
        folder: where the study is to lie; it need not exist.

    Raises:
        StepFailed: an option cannot be used, or no model could be had.
    """
    described = read_candidates(context.text("CM_EXPLORE_CANDIDATES", ""))
    space = json.loads(Path(context.text("CM_EXPLORE_SPACE")).read_text("utf-8"))
    absent = _absent(context, space, described)
    if not described:
        first = next(iter(absent.values()), "the space names none")
        raise StepFailed(f"none of the models could be had; the first: {first}")
    searcher, budget_s = asked_searcher(context)
    prefix = tuple(run_prefix(context))
    running = _running(context, described)
    return StudyPlan(
        space=space,
        settings=_settings(context, described, running),
        searcher=searcher,
        budget_s=budget_s,
        priors={each["model"]: Belief(**each["prior"]) for each in described if each["prior"]},
        candidates={each["model"]: Candidate(**{key: each[key] for key in _CANDIDATE_KEYS}) for each in described},
        absent=absent,
        engines={each["backend"]: Engine(each["python"], prefix, each["system"]) for each in engines_of(context)},
        running=running,
        folder=folder,
        work_dir=context.folders.state / "engine-graphs",
    )


def engines_of(context: Context) -> list[dict[str, str]]:
    """Read what the engines' steps wrote: backend, python, version and system of each, the usual one first."""
    return [json.loads(Path(line).read_text("utf-8")) for line in context.text("CM_EXPLORE_ENGINES").splitlines()]


def _absent(context: Context, space: Mapping[str, Any], described: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the models that could not be had, each with a reason."""
    had = {each["model"] for each in described}
    missing = {point.model for point in decode_space(space, "the space").points} - had
    failures = [line for line in context.text("CM_EXPLORE_FAILED", "").splitlines() if line]
    usual = failures[0] if failures else "no step brings it"
    # A failure's line begins with the model that was asked for.
    reasons = {model: next((line for line in failures if line.startswith(f"{model} ")), usual) for model in missing}
    return {model: f"the model or its dataset could not be had: {reasons[model]}" for model in sorted(missing)}


def _running(context: Context, described: Sequence[Mapping[str, Any]]) -> Running:
    benchmark, scenario = context.text("CM_MLPERF_BENCHMARK"), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    if scenario not in _METRICS:
        raise StepFailed(f"--scenario={scenario}: explorations compare {' or '.join(_METRICS)}")
    workload = WORKLOADS[benchmark]
    note = workload.facts(Path(described[0]["dataset"]))["sample_note"]
    return Running(
        round=context.text("CM_MLPERF_ROUND"),
        benchmark=benchmark,
        scenario=scenario,
        style=context.text("CM_MLPERF_EXECUTION_MODE"),
        dataset_kind=workload.kind,
        sample=bool(note or context.flag("CM_DATASET_SAMPLE")),
        stall_timeout_s=context.number("CM_MLPERF_STALL_TIMEOUT_S") or 300.0,
        test_query_count=context.whole("CM_MLPERF_TEST_QUERY_COUNT"),
        options=backend_options(context),
    )


def _settings(context: Context, described: Sequence[Mapping[str, Any]], running: Running) -> Settings:
    rules = load_round(running.round)
    values = run_values(rules, running.scenario, running.style, Target(1.0, measured=False), running.test_query_count)
    least = rules.scenarios[running.scenario]
    path = Path(described[0]["dataset"]) / WORKLOADS[running.benchmark].facts_file
    facts = json.loads(path.read_text("utf-8"))
    protocol = Protocol(
        samples=int(facts["features" if running.benchmark == "bert-99" else "images"]),
        official_s=values.get("min_duration", least.min_duration_ms) / 1000,
        official_queries=int(values.get("min_query_count", least.min_query_count)),
    )
    metrics, accuracy = _METRICS[running.scenario], _ACCURACIES[running.benchmark]
    return replace(race_settings(context), metrics=metrics, accuracy=accuracy, protocol=protocol)
