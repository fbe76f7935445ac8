"""Keys that steps read and nothing exports or sets are reported, with the nearest that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import ScriptFolders

from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.key_sources import needed_keys, unsourced_keys
from scriptgraph.cli.lists.audit import audit
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = 'def preprocess(context: Context) -> Done:\n    return Done(exports={"CM_ML_MODEL_FILE_WITH_PATH": "m"})\n'
NAMED = {"name": "it does something"}


def reading(call: str) -> str:
    return f"def preprocess(context: Context) -> Done:\n    {call}\n    return Done()\n"


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptFolders:
    """Return a repository with a script that exports a model's path."""
    folders = ScriptFolders(tmp_path)
    folders.add("get-model", EXPORT, new_env_keys=["CM_ML_MODEL_FILE_WITH_PATH"], **NAMED)
    return folders


def findings(scripts: ScriptFolders) -> list[str]:
    return [str(each).partition("script/")[2] for each in audit([scripts.root])]


def unsourced(scripts: ScriptFolders, tags: str, **env: str) -> list[str]:
    registry = load_registry([scripts.root])
    return list(unsourced_keys(resolve(Request(parse_query(tags), env=env), registry), registry))


def add(scripts: ScriptFolders, key: str, call: str = "", **fields: Any) -> None:
    code = reading(call or f'context.existing("{key}")')
    scripts.add("measure", code, **{"env_keys": [key], "deps": [{"tags": "get-model"}], **NAMED, **fields})


def test_the_audit_names_the_nearest_export(scripts: ScriptFolders) -> None:
    add(scripts, "CM_ML_MODEL_PATH")

    (finding,) = findings(scripts)
    assert finding == (
        "measure/_cm.json#/env_keys: CM_ML_MODEL_PATH is exported by no script and set by no option; "
        "did you mean CM_ML_MODEL_FILE_WITH_PATH?"
    )


def test_the_plan_names_the_nearest_export(scripts: ScriptFolders) -> None:
    add(scripts, "CM_ML_MODEL_PATH")

    assert unsourced(scripts, "measure") == [
        "measure needs CM_ML_MODEL_PATH, which nothing before it exports; did you mean CM_ML_MODEL_FILE_WITH_PATH?"
    ]


def test_a_guard_that_nothing_can_set_is_reported(scripts: ScriptFolders) -> None:
    scripts.add("front", deps=[{"tags": "get-model", "enable_if_env": {"CM_WHIHC": ["yes"]}}], **NAMED)

    assert "CM_WHIHC is exported by no script" in findings(scripts)[0]


def test_a_forgotten_dependency_is_reported(scripts: ScriptFolders) -> None:
    add(scripts, "CM_ML_MODEL_FILE_WITH_PATH", deps=[])

    assert "CM_ML_MODEL_FILE_WITH_PATH is needed, and no dependency of this script exports it" in findings(scripts)[0]
    assert "depend on a script that exports it" in unsourced(scripts, "measure")[0]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"env_keys": [], "inputs": {"model": {"env": "CM_X", "desc": "a model", "role": "input"}}},
        {"roles": {"CM_X": "input"}},
        {"env": {"CM_X": "x"}},
        {"variations": {"v": {"description": "d", "env": {"CM_X": "x"}}}, "default_variation": "v"},
    ],
)
def test_a_key_with_a_source_is_not_reported(scripts: ScriptFolders, fields: dict[str, Any]) -> None:
    add(scripts, "CM_X" if fields else "CM_ML_MODEL_FILE_WITH_PATH", **fields)

    assert findings(scripts) == []
    assert unsourced(scripts, "measure", CM_X="given") == []


@pytest.mark.parametrize(
    "call",
    [
        'context.text("CM_X", "")',
        'context.text("CM_X", default="d")',
        'context.path("CM_X") and context.existing("CM_X")',
        'context.flag("CM_X")',
    ],
)
def test_a_key_that_code_can_do_without_needs_no_source(scripts: ScriptFolders, call: str) -> None:
    add(scripts, "CM_X", call, roles={"CM_X": "value"})

    assert unsourced(scripts, "measure") == []


def test_a_script_below_others_may_get_a_key_from_them(scripts: ScriptFolders) -> None:
    add(scripts, "CM_ML_MODEL_FILE_WITH_PATH", deps=[])
    scripts.add("front", deps=[{"tags": "get-model"}, {"tags": "measure"}], **NAMED)

    assert findings(scripts) == []
    assert unsourced(scripts, "front") == []


def test_an_export_that_comes_later_is_too_late(scripts: ScriptFolders) -> None:
    add(scripts, "CM_ML_MODEL_FILE_WITH_PATH", deps=[])
    scripts.add("front", deps=[{"tags": "measure"}, {"tags": "get-model"}], **NAMED)

    assert "which nothing before it exports" in unsourced(scripts, "front")[0]


def test_a_deferred_dependency_may_export_a_key(scripts: ScriptFolders) -> None:
    scripts.add("ask", EXPORT.replace("CM_ML_MODEL_FILE_WITH_PATH", "CM_ASKED"), new_env_keys=["CM_ASKED"], **NAMED)
    guarded = {"tags": "get-model", "enable_if_env": {"CM_ASKED": ["yes"]}}
    add(scripts, "CM_ML_MODEL_FILE_WITH_PATH", deps=[{"tags": "ask"}, guarded])

    assert unsourced(scripts, "measure") == []


def test_code_that_cannot_be_parsed_needs_nothing(scripts: ScriptFolders) -> None:
    scripts.add("broken", "def (", **NAMED)
    (manifest,) = (each for each in load_registry([scripts.root]) if each.alias == "broken")

    assert needed_keys(manifest) == frozenset()
