"""An exploration's plan, read from a step's environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.exploration.beliefs import Belief
from mlperf_home.exploration.protocol import Protocol
from mlperf_home.exploration.settings import Settings
from mlperf_home.exploration.space import decode_space
from mlperf_home.harness.settings import Target, run_values
from mlperf_home.rules import load_round
from mlperf_home.runs.asked import backend_options, run_prefix
from mlperf_home.runs.candidates import read_candidates
from mlperf_home.runs.workloads import WORKLOADS
from mlperf_home.studies.plan import SEARCHERS, Candidate, Engine, Running, StudyPlan
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.api import Context

_METRICS = {"SingleStream": ("latency_ms",), "Offline": ("samples_per_second",)}
_ACCURACIES = {"resnet": "top1_percent", "bert-99": "f1_percent"}


def read_study_plan(context: Context, folder: Path) -> StudyPlan:
    """Give the plan of the exploration that a step's environment describes.

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
    searcher, budget_s = _searcher(context)
    running = _running(context, described)
    return StudyPlan(
        space=space,
        settings=_settings(context, described, running),
        searcher=searcher,
        budget_s=budget_s,
        priors={each["model"]: Belief(**each["prior"]) for each in described if each["prior"]},
        candidates={each["model"]: _candidate(each) for each in described},
        absent=absent,
        engines={each["backend"]: _engine(context, each) for each in engines_of(context)},
        running=running,
        folder=folder,
        work_dir=context.folders.state / "engine-graphs",
    )


def engines_of(context: Context) -> list[dict[str, str]]:
    """Read what the engines' steps wrote: backend, python, version and system of each, the usual one first."""
    return [json.loads(Path(line).read_text("utf-8")) for line in context.text("CM_EXPLORE_ENGINES").splitlines()]


def _candidate(described: Mapping[str, Any]) -> Candidate:
    keys = ("name", "path", "dataset", "questions", "weight_type", "source")
    return Candidate(**{key: described[key] for key in keys})


def _engine(context: Context, described: Mapping[str, str]) -> Engine:
    return Engine(described["python"], tuple(run_prefix(context)), described["system"])


def _absent(context: Context, space: Mapping[str, Any], described: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give the models that could not be had, each with a reason."""
    had = {each["model"] for each in described}
    missing = {point.model for point in decode_space(space, "the space").points} - had
    failures = [line for line in context.text("CM_EXPLORE_FAILED", "").splitlines() if line]
    reason = failures[0] if failures else "no step brings it"
    return dict.fromkeys(sorted(missing), f"the model or its dataset could not be had: {reason}")


def _searcher(context: Context) -> tuple[str, float | None]:
    searcher, budget_s = context.text("CM_EXPLORE_SEARCHER"), context.number("CM_EXPLORE_BUDGET_S")
    if searcher not in SEARCHERS:
        raise StepFailed(f"--searcher={searcher}: must be one of {', '.join(SEARCHERS)}")
    if searcher == "race":
        if budget_s is not None:
            raise StepFailed("--budget: the race ends by itself; give it to --searcher=tpe or nsga2")
        return searcher, None
    if budget_s is None or budget_s <= 0:
        raise StepFailed(f"--searcher={searcher} needs --budget, the seconds that it may spend, above 0")
    return searcher, budget_s


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
    protocol = Protocol(
        samples=_samples(running, Path(described[0]["dataset"])),
        official_s=values.get("min_duration", least.min_duration_ms) / 1000,
        official_queries=int(values.get("min_query_count", least.min_query_count)),
    )
    risk, probe_s = context.number("CM_EXPLORE_RISK"), context.number("CM_EXPLORE_PROBE_S")
    rounds, seed = context.whole("CM_EXPLORE_ROUNDS"), context.whole("CM_EXPLORE_SEED")
    usual = Settings()
    try:
        return Settings(
            metrics=_METRICS[running.scenario],
            accuracy=_ACCURACIES[running.benchmark],
            risk=usual.risk if risk is None else risk,
            rounds=usual.rounds if rounds is None else rounds,
            first_probe_s=usual.first_probe_s if probe_s is None else probe_s,
            official=context.text("CM_EXPLORE_OFFICIAL"),
            full_accuracy=context.flag("CM_EXPLORE_FULL_ACCURACY"),
            seed=seed or 0,
            protocol=protocol,
        )
    except ValueError as error:
        raise StepFailed(f"the exploration's options: {error}") from None


def _samples(running: Running, dataset: Path) -> int:
    """Count the dataset's samples."""
    facts = json.loads((dataset / WORKLOADS[running.benchmark].facts_file).read_text("utf-8"))
    return int(facts["features" if running.benchmark == "bert-99" else "images"])
