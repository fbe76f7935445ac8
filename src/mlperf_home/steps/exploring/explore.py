"""An exploration as a step: its study runs in the workload's environment, its results go into the experiment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.exploration.definition.settings import Belief, Protocol, Settings
from mlperf_home.exploration.definition.space import decode_space
from mlperf_home.exploration.live.jobs import official_folder
from mlperf_home.exploration.live.plan import Candidate, Engine, Running, StudyPlan
from mlperf_home.exploration.live.plan import to_json as plan_json
from mlperf_home.harness.user_conf import Target, run_values
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Weights, to_json, with_weights
from mlperf_home.rules import load_round
from mlperf_home.steps.exploring.options import asked_searcher, race_settings
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.machine import Pricing, machine_facts, pricing
from mlperf_home.steps.reports import answer_tables, duration
from mlperf_home.steps.run_request import WORKLOADS, backend_options, run_prefix
from scriptgraph.api import Context, StepFailed
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.exploration.definition.space import Point

_PARTS = ("front", "undecided", "dropped")
_METRICS = {"SingleStream": ("latency_ms",), "Offline": ("samples_per_second",)}
_CANDIDATE_KEYS = ("name", "path", "dataset", "questions", "weight_type", "source")
_ACCURACIES = {"resnet": "top1_percent", "bert-99": "f1_percent"}


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
    path.write_text(plan_json(plan), encoding="utf-8")
    context.say(f"experiment {experiment.name}: {len(plan.points.points)} points; once stopped, run it again to go on")
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH", "") if plan.searcher != "race" else ""
    python = python or next(iter(plan.engines.values())).python
    run_module(context.command, [python], ["mlperf_home.exploration.live", "--plan", path], on_line=told.line)
    answer = json.loads(experiment.answer.read_text("utf-8"))
    told.take_in(each["point"] for part in _PARTS for each in answer[part] if each["official"])
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
            parts = ", ".join(f"{part} {told[part]}" for part in _PARTS)
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


def read_study_plan(context: Context, folder: Path) -> StudyPlan:
    """Return the plan of the exploration that a step's environment describes, to lie in a folder that need not exist.

    Raises:
        StepFailed: an option cannot be used, or no model could be had.
    """
    described = _descriptions(context.text("CM_EXPLORE_CANDIDATES", ""))
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
    return _descriptions(context.text("CM_EXPLORE_ENGINES"))


def _descriptions(listed: str) -> list[dict[str, Any]]:
    """Read the JSON files whose paths stand in a list, one a line."""
    return [json.loads(Path(line).read_text("utf-8")) for line in listed.splitlines() if line]


def _absent(context: Context, space: Mapping[str, Any], described: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the models that could not be had, each with a reason."""
    had = {each["model"] for each in described}
    missing = {point.model for point in decode_space(space, "the space").points} - had
    failures = context.failures("CM_EXPLORE_FAILED")
    usual = failures[0].report() if failures else "no step brings it"
    reasons = {str(each.values.get("CM_EXPLORE_MODEL")): each.report() for each in reversed(failures)}
    return {
        model: f"the model or its dataset could not be had: {reasons.get(model, usual)}" for model in sorted(missing)
    }


def _running(context: Context, described: Sequence[Mapping[str, Any]]) -> Running:
    benchmark, scenario = context.text("CM_MLPERF_BENCHMARK"), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    if scenario not in _METRICS:
        raise StepFailed(f"--scenario={scenario}: explorations compare {' or '.join(_METRICS)}")
    workload = WORKLOADS[benchmark]
    note = workload.facts(Path(described[0]["dataset"])).sample_note
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
