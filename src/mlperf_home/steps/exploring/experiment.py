"""The experiment of an exploration: its origin, its default name, its folder."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.studies.experiment import ExplorationOrigin
from mlperf_home.experiments.experiment import Experiment, Experiments
from mlperf_home.exploration.live.plan import subject_of
from mlperf_home.steps.exploring.options import models_of
from mlperf_home.steps.exploring.study_plan import engines_of

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.study import StudyPlan
    from scriptgraph.api import Context


def experiments_of(context: Context) -> Experiments:
    """Return the experiments in the folder of the options."""
    return Experiments(context.output_path("CM_MLPERF_EXPERIMENTS_DIR", context.results_home / "experiments"))


def begin_exploration(context: Context, plan: StudyPlan) -> Experiment:
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
    return experiments_of(context).begin(name, "exploration", tags, made_by, sample=plan.running.sample)


def exploration_name(made_by: ExplorationOrigin) -> str:
    """Return the default name of an exploration; equal options have equal names."""
    digest = hashlib.sha256(json.dumps(encode(made_by), sort_keys=True).encode()).hexdigest()[:8]
    return f"explore-{made_by.space.name}-{digest}"
