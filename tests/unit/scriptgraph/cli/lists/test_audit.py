"""The audit reports every mistake with its place and remedy, and none in the shipped scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import ScriptFolders

from scriptgraph.cli.lists.audit import audit

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[5]
SOUND = {"name": "it does something"}


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptFolders:
    folders = ScriptFolders(tmp_path)
    folders.add("sound", "def preprocess(context: Context) -> Done:\n    return Done()\n", **SOUND)
    return folders


def report(scripts: ScriptFolders) -> str:
    return "\n".join(map(str, audit([scripts.root])))


def test_the_shipped_scripts_have_no_findings() -> None:
    assert (ROOT / "script" / "detect-os").is_dir()
    assert audit([ROOT]) == []


def test_a_correct_script_has_no_findings(scripts: ScriptFolders) -> None:
    assert audit([scripts.root]) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"uid": "xyz"}, "#/uid: 'xyz' is not 16 hexadecimal digits"),
        ({"name": ""}, "#/name: is missing"),
        ({"zzz": 1}, "#/zzz: unknown key"),
        ({"docker": {}}, "#/docker: is no longer supported"),
        ({"inputs": {"o": {"env": "CM_O"}}}, "#/inputs/o: has no desc"),
        ({"inputs": {"o": {"env": "CM_O", "desc": "d", "needs": "p"}}}, "#/inputs/o/needs: p is not an option"),
        (
            {"inputs": {"o": {"env": "CM_O", "desc": "d", "type": "number", "minimum": 0}}},
            "#/inputs/o: states no range; add minimum or above, and maximum or below",
        ),
        (
            {"inputs": {"o": {"env": "CM_O", "desc": "d", "type": "name", "default": "a/b"}}},
            "#/inputs/o/default: must be a plain name",
        ),
        ({"deps": [{"tags": "soundd"}]}, "#/deps/0: --tags=soundd: no script has the tag 'soundd'. Did you mean sound"),
        ({"deps": [{"tags": "common"}]}, "#/deps/0: --tags=common: fits 2 scripts"),
        ({"variations": {"v": {}}}, "#/variations/v: has no description"),
        ({"variations": {"v": {"description": "d", "base": ["w"]}}}, "#/variations/v: cannot be resolved"),
        (
            {"variations": {n: {"description": "d", "group": "g", "default": True} for n in "ab"}},
            "#/variations: the group 'g' has 2 defaults",
        ),
        ({"downloads": True}, "#/downloads: is true, but there is no customize.py"),
    ],
)
def test_a_mistake_in_a_manifest_is_reported(scripts: ScriptFolders, fields: dict[str, Any], expected: str) -> None:
    for alias in ("one", "other"):
        scripts.add(alias, tags=[alias, "common"], **SOUND)
    scripts.add("bad", **{**SOUND, **fields})

    assert f"script/bad/_cm.json{expected}" in report(scripts)


def test_an_alias_that_is_not_the_folders_name_is_reported(scripts: ScriptFolders) -> None:
    scripts.add("bad", **SOUND).rename(scripts.root / "script" / "other")

    assert "script/other/_cm.json#/alias: is 'bad', but the folder is 'other'" in report(scripts)


def test_a_uid_of_two_scripts_is_reported_for_both(scripts: ScriptFolders) -> None:
    for alias in ("one", "other"):
        scripts.add(alias, uid="0123456789abcdef", **SOUND)

    assert report(scripts).count("is also the uid of another script") == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def preprocess(context):\n    return Done()", "the hook preprocess is not typed"),
        ("def preprocess(context: Context) -> Done:\n    return eval('1')", "calls eval"),
        ("import subprocess", "uses subprocess; use context.command"),
        ("from os import system", "uses os.system"),
        ("import os\nos.system('ls')", "uses os.system"),
        ("import requests", "uses requests; use scriptgraph.fetch"),
        ("f(shell=True)", "starts a shell"),
        ("X = {'CM_NEW': 1}", "exports CM_NEW, which new_env_keys does not list"),
        ("def (", "is not valid Python"),
    ],
)
def test_a_mistake_in_code_is_reported(scripts: ScriptFolders, body: str, expected: str) -> None:
    scripts.add("bad", body, **SOUND)

    assert expected in report(scripts)


def test_only_the_requested_scripts_are_audited(scripts: ScriptFolders, tmp_path_factory: Any) -> None:
    others = ScriptFolders(tmp_path_factory.mktemp("others"))
    others.add("bad", "import subprocess", uid="xyz")
    others.add("used", **SOUND)
    scripts.add("user", deps=[{"tags": "used"}], **SOUND)

    assert audit([scripts.root], [others.root]) == []


def test_an_alias_that_is_taken_is_a_finding(scripts: ScriptFolders, tmp_path_factory: Any) -> None:
    others = ScriptFolders(tmp_path_factory.mktemp("others"))
    others.add("sound", **SOUND)
    check: Callable[..., Any] = audit

    assert "is already used by" in str(check([scripts.root], [others.root])[0])


PATH = {"env": "CM_O", "desc": "d", "type": "path"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"inputs": {"o": PATH}}, "#/inputs/o: is a path, and has no role"),
        ({"inputs": {"o": {**PATH, "role": "ouput"}}}, "#/inputs/o/role: must be input, output"),
        ({"inputs": {"fetch_url": {"env": "CM_O", "desc": "d"}}}, "#/inputs/fetch_url: suggests address"),
        ({"inputs": {"o": {"env": "CM_GIT_PLACE", "desc": "d"}}}, "#/inputs/o: suggests repository"),
        ({"inputs": {"o": {"env": "CM_KNOWN", "desc": "d"}}}, "#/inputs/o: has no role, but another script marks"),
        ({"env_keys": ["CM_RUN_PREFIX"]}, "#/env_keys: CM_RUN_PREFIX suggests program, and no script exports it"),
        ({"roles": {"CM_O": "program"}}, "#/roles/CM_O: is not a key that this script reads"),
        (
            {
                "inputs": {"o": {"env": "CM_O", "desc": "d"}},
                "deps": [{"tags": "marked", "env": {"CM_KNOWN": "<<<CM_O>>>"}}],
            },
            "#/inputs/o: reaches CM_KNOWN, which is marked program; write role: program",
        ),
    ],
)
def test_an_unmarked_value_is_reported(scripts: ScriptFolders, fields: dict[str, Any], expected: str) -> None:
    scripts.add("marked", inputs={"p": {"env": "CM_KNOWN", "desc": "d", "role": "program"}}, **SOUND)
    scripts.add("bad", **{**SOUND, **fields})

    assert f"script/bad/_cm.json{expected}" in report(scripts)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('context.output_path("CM_O", context.output)', "writes to CM_O in customize.py:4, which is not marked"),
        ('context.command([context.text("CM_O"), "-c"])', "runs CM_O in customize.py:4, which is not marked"),
        ('context.command([Path(context.text("CM_O")), "-c"])', "runs CM_O in customize.py:4, which is not marked"),
    ],
)
def test_code_that_writes_to_or_runs_a_value_is_reported(scripts: ScriptFolders, body: str, expected: str) -> None:
    option = {"env": "CM_O", "desc": "d"}
    code = f"def preprocess(context: Context) -> Done:\n    {body}\n    return Done()\n"
    scripts.add("bad", code, inputs={"o": option}, **SOUND)

    assert expected in report(scripts)

    role = "output" if "output_path" in body else "program"
    scripts.add("bad", code, inputs={"o": {**option, "role": role}}, **SOUND)
    assert report(scripts) == ""
