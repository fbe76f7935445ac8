"""JSON and YAML manifests are equal; keys of 2023 are refused with their replacement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import ManifestError
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.manifest.shapes import OF_DEPENDENCIES, OF_SCRIPTS, OF_VARIATIONS
from scriptgraph.manifest.text import parse_manifest

JSON, YAML = Path("/nowhere/x/_cm.json"), Path("/nowhere/x/_cm.yaml")
OURS = sorted((Path(__file__).parents[4] / "script").glob("*/_cm.json"))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.parent.name)
def test_a_manifest_says_the_same_in_yaml(path: Path) -> None:
    document = json.loads(path.read_text())

    assert parse_manifest(yaml.safe_dump(document), YAML) == document


@pytest.mark.parametrize(
    ("text", "pointer", "problem"),
    [
        ("a: [", "", "is not YAML"),
        ("", "", "is empty"),
        ("a: 1\na: 2", "/a", "is a duplicate"),
        ("env:\n  day: 2024-01-01", "/env/day", "put it in quotes"),
        ("env:\n  x: !!python/name:os.system ''", "/env/x", "cannot be read"),
        ("env:\n  x: .nan", "/env/x", "put it in quotes"),
        ("a: &a\n  b: *a", "", ""),
        ("base: &b {x: 1}\nenv:\n  <<: *b", "/env/<<", "is not a plain key"),
    ],
)
def test_yaml_beyond_json_is_refused_with_its_place(text: str, pointer: str, problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, YAML)

    assert problem in caught.value.problem
    assert pointer in caught.value.pointer


def test_a_script_has_one_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "script" / "x"
    folder.mkdir(parents=True)
    (folder / "_cm.yaml").write_text("alias: x\nuid: y\ntags: [x, from-yaml]\n")
    (found,) = load_registry([tmp_path])
    assert found.tags == ("x", "from-yaml")

    (folder / "_cm.json").write_text('{"alias": "x", "uid": "y", "tags": ["x"]}')
    (problem,) = load_registry([tmp_path]).problems()
    assert "keep one of them" in str(problem)


def decode(**fields: Any) -> Any:
    return decode_manifest(json.dumps({"alias": "x", "uid": "y", "tags": ["x"], **fields}), JSON)


@pytest.mark.parametrize("key", OF_SCRIPTS)
def test_a_key_of_2023_is_refused_with_its_replacement(key: str) -> None:
    with pytest.raises(ManifestError) as caught:
        decode(**{key: []})

    assert caught.value.pointer == f"/{key}"
    assert OF_SCRIPTS[key] in str(caught.value)


def test_so_it_is_in_variations_and_dependencies() -> None:
    for key in OF_VARIATIONS:
        with pytest.raises(ManifestError, match="is no longer supported"):
            decode(variations={"v": {key: []}})
    for key in OF_DEPENDENCIES:
        with pytest.raises(ManifestError, match="is no longer supported"):
            decode(deps=[{"tags": "x", key: []}])


def test_options_as_2023_wrote_them() -> None:
    manifest = decode(
        input_mapping={"out": "CM_OUT", "mode": "CM_MODE"},
        input_description={"mode": {"desc": "how", "default": "fast", "choices": ["fast", "slow"]}},
    )

    assert manifest.inputs["out"].env_key == "CM_OUT"
    mode = manifest.inputs["mode"]
    assert (mode.description, mode.default, mode.choices) == ("how", "fast", ("fast", "slow"))
    with pytest.raises(ManifestError, match="input_mapping lacks"):
        decode(input_description={"mode": {}})


def test_a_default_variation() -> None:
    assert decode(variations={"v": {}, "w": {}}, default_variation="w").variations["w"].default
    with pytest.raises(ManifestError, match="must be one of variations: v"):
        decode(variations={"v": {}}, default_variation="w")
