"""The plan of a study: reading it, the points of its space, and the subject of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.studies.study import PLAN_LIMITS, StudyPlan
from mlperf_home.exploration.definition.answer import AnswerSubject
from mlperf_home.exploration.definition.space import Space, make_space

if TYPE_CHECKING:
    from pathlib import Path


def read_plan(path: Path) -> StudyPlan:
    """Read a plan. Raise DocumentError if it cannot be read, or is not a plan."""
    return read_document(path, StudyPlan, PLAN_LIMITS)


def space_of(plan: StudyPlan) -> Space:
    """Return the plan's space with its points."""
    return make_space(plan.space, "the study's space")


def subject_of(plan: StudyPlan) -> AnswerSubject:
    """Return the subject of the plan's answer."""
    system, settings = next(iter(plan.engines.values())).system, plan.settings
    confidence, running = 1 - settings.risk, plan.running
    return AnswerSubject(
        plan.space.name,
        running.sample,
        system,
        settings.directions,
        confidence,
        plan.dataset,
        running.without_dataset,
    )
