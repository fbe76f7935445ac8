"""Mutated manifests lead to a plan or to an error in words, never to a traceback.

`.ci/long` tries 10,000 of them.
"""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from rounds import rounds

from scriptgraph.catalog.registry import Registry
from scriptgraph.errors import ScriptGraphError
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

SCRIPTS = Path(__file__).parents[2] / "script"
DOCUMENTS = {path.parent.name: json.loads(path.read_text()) for path in sorted(SCRIPTS.glob("*/_cm.json"))}
DECODED = {alias: decode_manifest(json.dumps(each), SCRIPTS / alias / "_cm.json") for alias, each in DOCUMENTS.items()}
EACH = 100
ODD: list[Any] = [
    None, True, 0, -1, 1e400, "", " ", "x" * 10_000, "<<<CM_X>>>", "<<<", "#", "_", "-", ",", "a,,b", "ü\0\n", [], [[]],
    {}, {"": ""}, {"tags": "x"}, ["_v"], "detect,os", "_sample", "*", 10**30,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in members for found in places(each, (*path, key)))]


def mutated(document: dict[str, Any], chance: random.Random) -> Any:
    made = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.choice(places(made)[1:] or [()])
        if not place:
            return chance.choice(ODD)
        holder = made
        for key in place[:-1]:
            holder = holder[key]
        _change(holder, place[-1], made, chance)
    return made


def _change(holder: Any, key: Any, document: dict[str, Any], chance: random.Random) -> None:
    kind = chance.choice(("delete", "odd", "rename", "double", "move", "alias"))
    if kind == "delete":
        del holder[key]
    elif kind == "odd":
        holder[key] = copy.deepcopy(chance.choice(ODD))
    elif kind == "rename" and isinstance(holder, dict):
        holder[chance.choice(("deps", "base", "alias", "tags", "env", "x", str(key) + "s"))] = holder.pop(key)
    elif kind == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif kind == "move":
        donor = chance.choice(places(document))
        value: Any = document
        for each in donor:
            value = value[each]
        holder[key] = copy.deepcopy(value)
    else:
        holder[key] = chance.choice(list(DOCUMENTS))


@pytest.mark.parametrize("seed", rounds(10, 100))
def test_a_mutated_manifest_has_a_plan_or_an_error_in_words(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    for number in range(EACH):
        alias = chance.choice(list(DOCUMENTS))
        text = json.dumps(mutated(DOCUMENTS[alias], chance))
        try:
            changed = decode_manifest(text, SCRIPTS / alias / "_cm.json")
            others = [each for name, each in DECODED.items() if name != alias]
            registry = Registry([*others, changed])
            variations = [f"_{name}" for name in changed.variations if "," not in name]
            query = ",".join(
                [changed.alias, *chance.sample(variations, min(len(variations), chance.choice((0, 1, 2))))]
            )
            plan = resolve(Request(parse_query(query)), registry)
            assert plan.fingerprint
        except ScriptGraphError as error:
            message = str(error)
        else:
            continue
        assert len(message) > 10, (seed, number)
        assert "\n" not in message.replace("ü\0\n", ""), (seed, number)
