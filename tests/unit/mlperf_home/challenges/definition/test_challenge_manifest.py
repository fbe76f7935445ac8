"""A challenge's manifest is decoded, or refused with the place; the schema accepts all decodable manifests."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from challenge_homes import document

import mlperf_home.challenges
from mlperf_home.challenges.definition.manifest import make_challenge
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from mlperf_home.challenges.definition.manifest import Challenge

SCHEMA = json.loads((Path(mlperf_home.challenges.__file__).parent / "definition" / "challenge.schema.json").read_text())
ACCEPTS = jsonschema.Draft202012Validator(SCHEMA)
PROBE = {
    "tags": "find",
    "fixed_s": 1,
    "least_s": 2,
    "performance_samples": 3,
    "accuracy_samples": 4,
    "relative_cost": 1,
    "source": "counted",
}


def decoded(made: Any) -> Challenge:
    return make_challenge(made, Path("/nowhere/_cm.json"))


def at(made: Any, pointer: str) -> tuple[Any, Any]:
    """Return the container and key at a pointer."""
    *path, last = pointer.strip("/").split("/")
    for key in path:
        made = made[int(key)] if isinstance(made, list) else made[key]
    return made, int(last) if isinstance(made, list) else last


def full() -> dict[str, Any]:
    """Return a manifest with every key."""
    made = copy.deepcopy(document())
    made["workflows"][0]["official"] |= {"env": {"CM_X": "yes"}, "probe": copy.deepcopy(PROBE)}
    made["workflows"][0]["official"]["needs"] |= {"memory_gb": 2, "cpus": {"x86_64": ["avx2"]}, "options": ["colour"]}
    made["workflows"][1]["sample"]["needs"] |= {"after": ["first"]}
    return made


def test_the_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_manifest_with_every_key_is_decoded() -> None:
    challenge = decoded(full())

    ACCEPTS.validate(full())
    workflow = challenge.workflows[0]
    assert workflow.official.probe is not None
    assert workflow.official.call.env == {"CM_X": True}
    assert workflow.official.needs.cpus == {"x86_64": ("avx2",)}
    assert workflow.mode(sample=True).call.tags == "run,first,_sample"


@pytest.mark.parametrize(
    ("day", "state"),
    [("2026-03-31", "not yet open"), ("2026-04-01", "open"), ("2026-06-30", "open"), ("2026-07-01", "closed")],
)
def test_the_first_and_the_last_day_count(day: str, state: str) -> None:
    assert decoded(full()).state(date.fromisoformat(day)) == state


WRONG = [
    ("/alias", "a/b"),
    ("/alias", 1),
    ("/automation_alias", "script"),
    ("/unpacked", "soon"),
    ("/closed", "2026-03-01"),
    ("/points", -1),
    ("/points", True),
    ("/rules", "be quick"),
    ("/rules/0", ""),
    ("/guides", "none.md"),
    ("/metrics/0/better", "bigger"),
    ("/metrics/0/nmae", "x"),
    ("/options/colour", 1),
    ("/workflows", []),
    ("/workflows/0/name", "../x"),
    ("/workflows/1/name", "first"),
    ("/workflows/0/sample/optoins", {}),
    ("/workflows/0/sample/options/results_dir", "{resluts_dir}"),
    ("/workflows/0/sample/options/results_dir", {"a": 1}),
    ("/workflows/0/official/needs/disk_gb", "20 GB"),
    ("/workflows/0/official/needs/options", ["color"]),
    ("/workflows/0/official/needs/after", ["second"]),
    ("/workflows/1/sample/needs/after", ["second"]),
    ("/workflows/0/official/probe/samples", 1),
    ("/workflows/0/official/probe/source", None),
]


@pytest.mark.parametrize(("pointer", "value"), WRONG, ids=[f"{pointer}={value!r}" for pointer, value in WRONG])
def test_a_wrong_value_is_named_by_its_place(pointer: str, value: Any) -> None:
    made = full()
    container, key = at(made, pointer)
    container[key] = value

    with pytest.raises(ManifestError) as caught:
        decoded(made)

    assert pointer.startswith(caught.value.pointer)


@pytest.mark.parametrize("key", [key for key in document() if key not in {"tags", "options"}])
def test_a_missing_key_is_named(key: str) -> None:
    made = full()
    del made[key]

    with pytest.raises(ManifestError, match=key):
        decoded(made)


ANY: list[Any] = [1, -1, "x", "", None, True, [], [1], ["x"], {}, {"x": 1}, {"x": {"y": {}}}]
PLACES = [
    *(f"/{key}" for key in SCHEMA["properties"]),
    *(f"/workflows/0/{key}" for key in ("name", "title", "official", "sample")),
    *(f"/workflows/0/official/{key}" for key in ("tags", "options", "env", "needs", "probe")),
    *(f"/workflows/0/official/needs/{key}" for key in ("disk_gb", "memory_gb", "cpus", "options", "after")),
    *(f"/workflows/0/official/probe/{key}" for key in PROBE),
]


@pytest.mark.parametrize("pointer", PLACES)
def test_the_schema_accepts_all_decodable_manifests(pointer: str) -> None:
    for value in ANY:
        made = full()
        container, key = at(made, pointer)
        container[key] = value
        try:
            decoded(made)
        except ManifestError:
            continue
        ACCEPTS.validate(made)
