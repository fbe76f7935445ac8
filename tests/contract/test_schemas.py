"""The published schema accepts every manifest that the decoder accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import registries
from hypothesis import given, settings
from tiny_scripts import document

import scriptgraph
from scriptgraph.errors import ManifestError
from scriptgraph.manifest.decoding import decode_manifest

SCHEMA = json.loads((Path(scriptgraph.__file__).parent / "manifest" / "manifest.schema.json").read_text())
ACCEPTS = jsonschema.Draft202012Validator(SCHEMA)
OURS = sorted((Path(__file__).parents[2] / "script").glob("*/_cm.json"))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.parent.name)
def test_our_manifests_match_the_schema(path: Path) -> None:
    ACCEPTS.validate(json.loads(path.read_text()))


@settings(max_examples=50, deadline=None)
@given(registries.any_indexes())
def test_the_schema_accepts_decoded_manifests(index: dict[str, Any]) -> None:
    for alias, fields in index.items():
        made = document(alias, **fields)
        decode_manifest(json.dumps(made), Path("/nowhere") / alias / "_cm.json")
        ACCEPTS.validate(made)


WRONG: list[Any] = [1, "x", None, True, [], [1], {}, {"x": 1}, {"x": {"y": {}}}]


@pytest.mark.parametrize("key", sorted(SCHEMA["properties"]))
@pytest.mark.parametrize("value", WRONG, ids=json.dumps)
def test_decoder_and_schema_agree_on_the_values_of_a_key(key: str, value: Any) -> None:
    made = {**document("x"), key: value}
    try:
        decode_manifest(json.dumps(made), Path("/nowhere/x/_cm.json"))
    except ManifestError:
        return
    ACCEPTS.validate(made)
