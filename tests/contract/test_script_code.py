"""A script's code agrees with its manifest on keys, exports and modules; docs/manifest.md has every key."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scriptgraph.catalog.registry import load_registry
from scriptgraph.manifest import shapes
from scriptgraph.manifest.types import matches_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptgraph.manifest.types import Manifest

ROOT = Path(__file__).parents[2]
SCRIPTS = list(load_registry([ROOT]))
WITH_CODE = [script for script in SCRIPTS if (script.folder / "customize.py").is_file()]
READERS = {"value", "text", "name", "flag", "number", "whole", "path", "existing", "failures"}
# Modules that run a step do not change its output.
MACHINERY = {
    "scriptgraph.api",
    "scriptgraph.errors",
    "scriptgraph.process.programs",
    "mlperf_home.steps.launch",
    "scriptgraph",
    "mlperf_home.product",
}
# Scripts that import these check their output at each use, by `verify`.
VERIFIED = "scriptgraph.python_env"


def named(script: Manifest) -> str:
    return script.alias


def tree(script: Manifest) -> ast.Module:
    return ast.parse((script.folder / "customize.py").read_text(encoding="utf-8"))


def hook(script: Manifest, name: str) -> ast.AST | None:
    return next((each for each in tree(script).body if isinstance(each, ast.FunctionDef) and each.name == name), None)


def keys_read(node: ast.AST) -> Iterator[str]:
    """Yield the keys that are read by calls such as `context.text("CM_KEY")`."""
    for each in ast.walk(node):
        is_read = isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in READERS
        if is_read and isinstance(each.func.value, ast.Name) and each.func.value.id == "context" and each.args:
            first = each.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def modules_imported(script: Manifest) -> set[str]:
    imported: set[str] = set()
    for node in ast.walk(tree(script)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
    return {name for name in imported if name.startswith(("mlperf_home", "scriptgraph"))} - MACHINERY


@pytest.mark.parametrize("script", WITH_CODE, ids=named)
def test_keys_that_code_reads_are_declared(script: Manifest) -> None:
    body = tree(script)
    verify = hook(script, "verify")
    # `verify` may also read the exports of the cache entry.
    verified = set(keys_read(verify)) if verify else set()

    undeclared = {key for key in keys_read(body) if key not in script.reads}

    assert undeclared <= {key for key in verified if matches_any(key, script.exports)}


@pytest.mark.parametrize("script", WITH_CODE, ids=named)
def test_keys_that_code_exports_are_listed(script: Manifest) -> None:
    exports = (*script.exports, *(key for each in script.variations.values() for key in each.exports))
    spelled = {
        key.value
        for node in ast.walk(tree(script))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and re.fullmatch(r"CM_[A-Z0-9_]+", str(key.value))
    }

    assert {key for key in spelled if not matches_any(str(key), exports)} <= script.reads


@pytest.mark.parametrize("script", [each for each in WITH_CODE if each.cache], ids=named)
def test_modules_of_a_cached_step_are_part_of_its_key(script: Manifest) -> None:
    for module in modules_imported(script):
        if module.startswith(VERIFIED):
            assert hook(script, "verify")
        else:
            parts = [name for name in script.code if module == name or module.startswith(f"{name}.")]
            assert parts, f"{module} is missing in code"


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_the_parts_of_a_combination_are_variations(script: Manifest) -> None:
    for name in script.variations:
        if "," in name:
            assert set(name.split(",")) <= set(script.variations)


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_defaults_and_refusals_agree_with_the_choices(script: Manifest) -> None:
    for option in script.inputs.values():
        assert not set(option.refused) & set(option.choices), option.name
        if option.choices and option.default is not None:
            assert option.default in option.choices or {True: "yes", False: "no"}.get(option.default) in option.choices


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_a_cached_script_exports_something(script: Manifest) -> None:
    assert script.exports or not script.cache


def test_every_key_of_a_manifest_is_documented() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_]+)`", text)) | set(re.findall(r'"([a-z_]+)":', text))
    known = {
        *shapes.read_fields.readers,
        *shapes.dependency.readers,
        *shapes.variation.readers,
        *shapes.option.readers,
    }

    assert known - documented <= {"automation_alias", "automation_uid", "add_deps_recursive", "version_max"}
