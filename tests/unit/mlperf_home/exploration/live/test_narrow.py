"""Races without a dataset: stages fetch only models that may be on the front; the answer names the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from estimate_requests import CHOSEN, IMAGES, MODELS, machine_of, request_of
from table_meter import TableMeter

from mlperf_home.contracts.studies.narrowing import NarrowingDocument, NarrowingRequest
from mlperf_home.contracts.studies.race import COPIED_SD, Belief, without_checks
from mlperf_home.contracts.studies.study import Candidate, StudyPlan
from mlperf_home.exploration.definition.meter import PointFailedError
from mlperf_home.exploration.live.left_out import raced_space, with_left_out
from mlperf_home.exploration.live.narrow import probe_and_narrow
from mlperf_home.exploration.racing.study import Study
from mlperf_home.pareto.front import front
from mlperf_home.prediction.estimate import EstimateError
from mlperf_home.published.copied import copied_accuracies
from mlperf_home.published.results import shipped_results
from mlperf_home.steps.exploring.explore import narrowed_plan

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.journal import AccuracyCount, Observation
    from mlperf_home.exploration.definition.space import Point

EPYC = machine_of("c5a.xlarge")
ACCURACIES = copied_accuracies(MODELS, sample=False)


class ProbesOnly(TableMeter):
    """Fails at some models, and refuses accuracy checks."""

    fails: tuple[str, ...] = ()

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        if point.model in self.fails:
            raise PointFailedError(point.name, "it crashed", "try another engine")
        return super().probe(point, seconds, number)

    def check(self, point: Point, first: int, last: int) -> AccuracyCount:
        raise AssertionError(f"{point.name} was checked on {first} to {last}")


def meter(*fails: str) -> ProbesOnly:
    made = ProbesOnly(EPYC, {}, run_noise=0.03)
    made.fails = fails
    return made


def plan_of(folder: Path) -> StudyPlan:
    study = request_of(folder).study
    priors = {model: Belief(each.percent, COPIED_SD, f"copied: {each.source}") for model, each in ACCURACIES.items()}
    running = replace(study.running, without_dataset=True, sample=False)
    settings = without_checks(replace(study.settings, official="none", round_spacing_s=0.0))
    return replace(study, running=running, settings=settings, priors=priors, candidates={})


def stage(folder: Path, number: int, models: tuple[str, ...], *fails: str) -> NarrowingDocument:
    candidates = {model: Candidate(model.replace("/", "-"), "/no/model", "/no/images") for model in models}
    request = NarrowingRequest(
        study=replace(plan_of(folder), candidates=candidates),
        accuracies=ACCURACIES,
        results="images",
        runtime="tflite-cpp",
        rounds=3,
        probe_s=0.5,
        stage=number,
    )
    return probe_and_narrow(request, meter(*fails), [])


def all_stages(folder: Path) -> NarrowingDocument:
    models = CHOSEN
    for number in (1, 2, 3):
        found = stage(folder, number, models)
        models = (*models, *found.following)
    return found


def true_front() -> set[str]:
    values = [(EPYC[model], ACCURACIES[model].percent) for model in MODELS]
    return {model for model, keep in zip(MODELS, front(values, ("min", "max")), strict=True) if keep}


def test_the_first_stage_asks_for_the_likely_front(tmp_path: Path) -> None:
    found = stage(tmp_path, 1, CHOSEN)

    assert set(found.measured) == set(CHOSEN)
    assert 0 < len(found.following) < 30
    assert not set(found.following) & set(CHOSEN)


def test_stages_fetch_part_of_the_models_and_keep_the_front(tmp_path: Path) -> None:
    found = all_stages(tmp_path)

    unfetched = [model for model, each in found.left_out.items() if not each.fetched]
    assert len(unfetched) == 81 - len(found.measured) - len(found.following)
    assert len(unfetched) > 25
    assert not set(found.left_out) & true_front()
    assert all(each.z >= each.needed > 0 for each in found.left_out.values())
    assert not {*found.following} & found.left_out.keys()


def test_the_race_runs_over_the_rest_without_any_check(tmp_path: Path) -> None:
    found = all_stages(tmp_path)
    plan = narrowed_plan(plan_of(tmp_path), found)

    raced = Study(raced_space(plan), meter(), plan.priors, plan.settings).run()
    answer = with_left_out(raced, plan)

    every = (*answer.front, *answer.undecided, *answer.dropped)
    assert sorted(each.point for each in every) == sorted(MODELS)
    kept = {each.point for each in (*answer.front, *answer.undecided)}
    assert true_front() <= kept
    unraced = {each.point: each for each in answer.dropped if each.left_out}
    assert unraced.keys() == found.left_out.keys()
    assert all("latency_ms" not in each.values and each.against for each in unraced.values())
    assert answer.work.spent_s["prediction"] == found.spent_s
    assert answer.work.share < 0.05


def test_a_model_that_was_left_out_has_its_reason(tmp_path: Path) -> None:
    found = all_stages(tmp_path)
    reasons = {each.fetched: each.reason for each in found.left_out.values()}

    assert reasons[False].startswith("not fetched: predicted to be dominated by ")
    assert "(z = " in reasons[False]


def test_a_model_that_fails_dominates_none(tmp_path: Path) -> None:
    dominators = {each.by for each in stage(tmp_path, 1, CHOSEN).left_out.values()}
    failing = next(model for model in CHOSEN if model in dominators)

    found = stage(tmp_path, 1, CHOSEN, failing)

    assert failing not in {each.by for each in found.left_out.values()}
    assert failing not in {*found.following, *found.left_out, *found.measured}


def test_too_few_measured_models_end_the_stage(tmp_path: Path) -> None:
    with pytest.raises(EstimateError, match="2 models could be measured, a prediction needs 3"):
        stage(tmp_path, 1, CHOSEN, *CHOSEN[2:])


def test_nothing_is_predicted_where_all_are_measured(tmp_path: Path) -> None:
    found = stage(tmp_path, 1, tuple(MODELS))

    assert found.left_out == {}
    assert found.following == ()


def test_the_shipped_probes_are_models_of_the_space() -> None:
    assert set(IMAGES.probes) <= set(MODELS)
    assert len(shipped_results("sample").probes) >= 3
