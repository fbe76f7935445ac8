"""A record is read, or refused in one line that names the file and the place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hostile_json import HOSTILE, write_hostile

from mlperf_home.product import PRODUCT
from scriptgraph.cli.runs.record_file import read_record
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = PRODUCT.schema("record")
STEP = {"title": "a", "status": "done", "cache_key": None, "commands": [{"exit_code": 0}], "exports": {}}
PLAN_STEP = {"title": "a", "version": "", "manifest": "ab", "env": {}}


def document(**changes: Any) -> dict[str, Any]:
    request = {
        "tags": "x",
        "argv": ["cm"],
        "inputs": {"a": [1, "b"]},
        "env": {"CM_A": None},
        "adr": {"n": {"tags": "y"}},
    }
    made = {"schema": SCHEMA, "plan_fingerprint": "0", "request": request, "steps": [STEP], "plan": [PLAN_STEP]}
    return {**made, "host": {}, "exports": {}, **changes}


def refusal(path: Path) -> str:
    with pytest.raises(RequestError) as refused:
        read_record(path, SCHEMA)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("content", [document(), document(of_a_later_version=1)])
def test_a_record_is_read(tmp_path: Path, content: dict[str, Any]) -> None:
    (tmp_path / "record.json").write_text(json.dumps(content))

    assert read_record(tmp_path, SCHEMA).document == content


def test_a_path_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    content = document(exports={"CM_PATH": "/a/\udcff"})
    (tmp_path / "record.json").write_text(json.dumps(content))

    assert read_record(tmp_path, SCHEMA).document == content


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_json_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "record.json"
    write_hostile(path, kind)

    assert refusal(path).startswith(f"--record={path}: {HOSTILE[kind]}")
    assert refusal(path).endswith("; name the record.json of a run")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", ": is not a record in the layout"),
        ('{"schema": "other"}', ": is not a record in the layout"),
        (json.dumps({"schema": SCHEMA, "request": {}}), ": has no request, so it cannot be replayed"),
        (json.dumps({"schema": SCHEMA, "request": {"tags": "x"}}), "#/plan_fingerprint: is missing"),
        (json.dumps(document(plan=[{**PLAN_STEP, "env": 1}])), "#/plan/0/env: must be an object, is a number"),
        (json.dumps(document(plan=[{**PLAN_STEP, "version": None}])), "#/plan/0/version: must be text"),
        (json.dumps(document(plan=[{**PLAN_STEP, "manifest": None}])), "#/plan/0/manifest: must be text"),
        (json.dumps(document(steps=[{**STEP, "title": 1}])), "#/steps/0/title: must be text, is a number"),
        (json.dumps(document(steps=[{**STEP, "commands": [{}]}])), "#/steps/0/commands/0/exit_code: is missing"),
        (json.dumps(document(steps=[STEP, {}])), "#/steps/1/title: is missing"),
        (
            json.dumps(document(request={"tags": "x", "env": {"CM_A": {}}})),
            "#/request/env/CM_A: an object is not a value of the environment",
        ),
        (
            json.dumps(document(request={"tags": "x", "adr": {"a/b": {"c": [[]]}}})),
            "#/request/adr/a~1b: a list in a list is not a value of the environment",
        ),
        (json.dumps(document(request={"tags": "x", "argv": [1]})), "#/request/argv/0: must be text, is a number"),
    ],
)
def test_an_invalid_record_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)

    assert refusal(path).startswith(f"--record={path}{problem}")


def test_an_absent_record_is_named(tmp_path: Path) -> None:
    assert "absent.json: cannot be read (No such file or directory)" in refusal(tmp_path / "absent.json")
