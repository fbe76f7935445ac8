"""A point's options reach the job; values that no engine could use are refused with their axis."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlperf_home.contracts.runs.job import BackendChoice
from mlperf_home.contracts.studies.study import Candidate, EngineEnvironment, StudyPlan
from mlperf_home.exploration.definition.space import Point, Space, SpaceError, decode_space, make_space
from mlperf_home.exploration.live.jobs import backend_choice, check_axes, option_suffix


def space(**axes: list[Any]) -> Space:
    document = {"schema": 1, "name": "x", "axes": {"m": ["a"], **axes}, "model_axes": ["m"], "constraints": []}
    return make_space(decode_space(document, "x"), "x")


def plan(point: Point) -> StudyPlan:
    """Return the parts of a plan that a job's backend depends on."""
    engines = {"litert": EngineEnvironment("/python", (), "machine")}
    candidates = {point.model: Candidate("small", "/m", "/images")}
    return cast("StudyPlan", SimpleNamespace(engines=engines, candidates=candidates))


def test_every_option_reaches_the_job() -> None:
    axes = {"backend": ["tflite"], "threads": [2], "xnnpack": ["no"], "batch": [8], "streams": [3], "cores": [4]}
    (point,) = space(**axes, lengths=["64,128"], delegate=["libd.so"]).points

    assert backend_choice(plan(point), point, {"pinning": "core"}) == BackendChoice(
        name="tflite",
        model_path=Path("/m"),
        options={"pinning": "core", "threads": 2, "xnnpack": False, "delegate": "libd.so"},
        lengths=(64, 128, 384),
        batch_sizes=(8,),
        streams=3,
        cores=4,
    )
    assert option_suffix(point) == "threads_2-batch_8-streams_3-cores_4-xnnpack_no-delegate_libd.so-lengths_64_128"


def test_null_leaves_an_option_to_the_engine() -> None:
    (point,) = space(threads=[None], batch=[None]).points

    assert backend_choice(plan(point), point, {}) == BackendChoice(name="litert", model_path=Path("/m"))
    assert option_suffix(point) == ""


@pytest.mark.parametrize(
    ("axis", "value", "message"),
    [
        ("threads", 0, "axes/threads: 0 is not a whole number above 0"),
        ("threads", "2", "axes/threads: '2' is not a whole number above 0"),
        ("batch", 1.5, "axes/batch: 1.5 is not a whole number above 0"),
        ("xnnpack", "maybe", "axes/xnnpack: 'maybe' is not yes or no"),
        ("lengths", "128,64", "axes/lengths: '128,64' is not a list of lengths"),
        ("delegate", 7, "axes/delegate: 7 is not a text"),
    ],
)
def test_an_unusable_value_is_refused_with_its_axis(axis: str, value: object, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        check_axes(space(**{axis: [value]}), "x")
