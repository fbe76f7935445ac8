"""Estimates from probes: what fails is left out and named; too little is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from estimate_requests import CHOSEN, machine_of, request_of, with_absent
from table_meter import TableMeter

from mlperf_home.exploration.definition.meter import PointFailedError
from mlperf_home.exploration.live.estimate import measure_and_estimate
from mlperf_home.prediction.estimate import EstimateError

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.journal import Observation
    from mlperf_home.exploration.definition.space import Point

EPYC = machine_of("c5a.xlarge")


class FailingMeter(TableMeter):
    """Fails at some models."""

    fails: tuple[str, ...] = ()

    def probe(self, point: Point, seconds: float, number: int) -> Observation:
        if point.model in self.fails:
            raise PointFailedError(point.name, "it crashed", "try another engine")
        return super().probe(point, seconds, number)


def meter(*fails: str) -> FailingMeter:
    made = FailingMeter(EPYC, {}, run_noise=0.03)
    made.fails = fails
    return made


def test_probes_of_eight_models_estimate_81(tmp_path: Path) -> None:
    document = measure_and_estimate(request_of(tmp_path), meter(), [])

    assert len(document.models) == 81
    assert sum(each.origin == "measured" for each in document.models) == 8
    assert document.spent_s > 24
    assert document.warnings == ()


def test_a_model_that_fails_is_predicted_and_named(tmp_path: Path) -> None:
    document = measure_and_estimate(request_of(tmp_path), meter(CHOSEN[0]), [])

    failed = next(each for each in document.models if each.model == CHOSEN[0])
    assert failed.origin == "predicted"
    assert document.warnings == (f"{CHOSEN[0]} failed and is left out: it crashed; try another engine",)


def test_a_model_that_was_not_fetched_is_named(tmp_path: Path) -> None:
    request = with_absent(request_of(tmp_path), {CHOSEN[1]: "its host is gone"})

    document = measure_and_estimate(request, meter(), ["a damaged line"])

    assert document.warnings == ("a damaged line", f"{CHOSEN[1]} is left out: its host is gone")


def test_too_many_failures_end_the_estimate(tmp_path: Path) -> None:
    with pytest.raises(EstimateError, match="2 models were measured"):
        measure_and_estimate(request_of(tmp_path), meter(*CHOSEN[2:]), [])
