"""A record's request is repeated, and every difference is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tiny_scripts import plan_of, request_of

from mlperf_home.product import PRODUCT
from scriptgraph.cli.runs import replay


def step(title: str, **changes: Any) -> dict[str, Any]:
    made = {"title": title, "alias": title, "version": "", "status": "done", "cache_key": None, "commands": []}
    return {**made, "exports": {}, "manifest": "ab" * 32, "env": {}, **changes}


def record(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    request = {
        "tags": "x,_v",
        "inputs": {"size": 3, "list": ["a", "b"]},
        "env": {"CM_A": True},
        "adr": {"n": {"tags": "_w"}},
    }
    document = {
        "schema": PRODUCT.schema("record"),
        "plan_fingerprint": "0" * 64,
        "request": request,
        "steps": list(steps),
    }
    return {**document, "plan": list(steps), "host": {"python": "3.11.7"}, "exports": {}, **changes}


def test_typed_options_override_the_recorded_request() -> None:
    found = replay.request_of(record(), request_of("x", inputs={"size": 4}, adr={"n": {"version": "1"}}))

    assert found.query.text == "x,_v"
    assert found.inputs == {"size": 4, "list": ("a", "b")}
    assert found.env == {"CM_A": True}
    assert (found.overrides["n"].tags, found.overrides["n"].versions.exact) == ("_w", "1")


def test_only_recorded_names_may_be_missing_from_the_plan() -> None:
    found = replay.request_of(record(), request_of("x", adr={"typed": {"version": "1"}}))

    assert found.overrides.keys() == {"n", "typed"}
    assert found.maybe == {"n"}


def test_a_request_survives_the_record() -> None:
    request = request_of(
        "x", inputs={"a": 1.5}, env={"CM_B": "two"}, adr={"n": {"tags": "_w,y", "version_min": "2", "o": 1}}
    )
    document = json.loads(json.dumps(record(request=request.as_document())))

    assert replay.request_of(document, request_of("x")) == request.replaced(maybe=frozenset({"n"}))


def test_equal_runs_do_not_differ() -> None:
    assert replay.run_differences(record(step("a")), record(step("a"))) == []
    plan = plan_of({"x": {}}, "x")
    then = record(plan_fingerprint=plan.fingerprint)
    assert replay.plan_differences(then, record(plan_fingerprint=plan.fingerprint, plan=plan.summary())) == []


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (step("a"), step("b"), "steps: a: present then, absent now"),
        (step("a"), step("a", status="failed"), "a: status: done then, failed now"),
        (step("a", exports={"CM_X": 1}), step("a", exports={}), "a: CM_X: 1 then, not set now"),
        (step("a", cache_key="12" * 32), step("a", cache_key="34" * 32), "a: cache key: 121212121212 then"),
        (
            step("a", commands=[{"exit_code": 0}]),
            step("a", commands=[{"exit_code": 1}]),
            "a: exit codes: [0] then, [1] now",
        ),
    ],
)
def test_each_difference_of_a_run_is_reported(then: dict[str, Any], now: dict[str, Any], said: str) -> None:
    assert any(said in str(each) for each in replay.run_differences(record(then), record(now)))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (step("a", version="2"), "plan: a: version: none then, 2 now"),
        (step("a", manifest="cd" * 32), "plan: a: manifest: abababababab then, cdcdcdcdcdcd now"),
        (step("a", env={"CM_X": "y"}), "plan: a: CM_X: not set then, y now"),
        (step("b"), "plan: b: absent then, present now"),
    ],
)
def test_each_difference_of_a_plan_is_reported(now: dict[str, Any], said: str) -> None:
    found = replay.plan_differences(record(step("a")), record(plan_fingerprint="1" * 64, plan=[now]))

    assert said in "\n".join(map(str, found))


def test_run_folders_and_cache_hits_are_no_differences() -> None:
    then = step("a", exports={"CM_P": "/h/records/2026-a-1/output/01/x"}, commands=[{"exit_code": 0}])
    now = step("a", exports={"CM_P": "/h/records/2026-a-2/output/01/x"}, status="cached")

    assert replay.run_differences(record(then), record(now)) == []
