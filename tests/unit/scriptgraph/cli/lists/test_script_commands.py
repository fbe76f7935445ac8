"""Scripts are found by tags and variations, and described from their manifests alone."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_scripts import registry_of

from scriptgraph.cli.lists.script_commands import describe, find_scripts
from scriptgraph.errors import NoScriptError, VariationError
from scriptgraph.manifest.queries import parse_query

INDEX: dict[str, dict[str, Any]] = {
    "get-engine": {
        "tags": ["get-engine", "get", "engine"],
        "name": "Get an engine",
        "cache": True,
        "code": ["json"],
        "env_keys": ["CM_PYTHON"],
        "default_env": {"CM_SIZE": 3},
        "inputs": {
            "size": {"env": "CM_SIZE", "type": "number", "desc": "how large"},
            "kind": {"env": "CM_KIND", "choices": ["a", "b"], "default": "a", "refused": {"c": "it is gone"}},
            "url": {"env": "CM_URL"},
        },
        "variations": {
            "small": {"group": "kind", "default": True, "env": {"CM_URL": "http://small/"}, "description": "the small"},
            "large": {"group": "kind", "new_env_keys": ["CM_LARGE"], "deps": [{"tags": "get,python"}]},
            "url.#": {"env": {"CM_URL": "#"}, "base": ["large"]},
            "big": {"alias": "large"},
        },
        "versions": {"1": {}, "2": {"deps": [{"tags": "get,python", "version_min": "3.10"}]}},
        "default_version": "2",
        "deps": [
            {
                "tags": "get,python",
                "names": ["python", "python3"],
                "enable_if_env": {"CM_A": ["yes", "b"], "CM_B": ["*"]},
                "skip_if_any_env": {"CM_C": ["on"], "CM_D": ["zoo:*"]},
                "update_tags_from_env_with_prefix": {"_": ["CM_KIND"]},
            }
        ],
        "post_deps": [{"tags": "clean", "skip_if_env": {"CM_KEEP": ["yes"], "CM_ALL": ["yes"]}}],
        "new_env_keys": ["CM_ENGINE_*"],
    },
    "get-python": {"tags": ["get-python", "get", "python"], "name": "Get Python"},
    "clean": {"tags": ["clean"]},
}


def found(words: str) -> list[str]:
    return [each.alias for each in find_scripts(registry_of(INDEX), parse_query(words))]


def described(words: str) -> dict[str, Any]:
    registry, query = registry_of(INDEX), parse_query(words)
    return describe(registry.select(query), query, registry)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ["clean", "get-engine", "get-python"]),
        ("get", ["get-engine", "get-python"]),
        ("get engine", ["get-engine"]),
        ("get,-python", ["get-engine"]),
        ("get-*", ["get-engine", "get-python"]),
        ("_small", ["get-engine"]),
        ("get,_url.http://x/", ["get-engine"]),
        ("get,-_small", ["get-python"]),
    ],
)
def test_scripts_are_found_by_tags_and_variations(words: str, expected: list[str]) -> None:
    assert found(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("get,engin", "no script has the tag 'engin'. Did you mean engine"),
        ("_smal", "Did you mean _small"),
        ("clean,engine", "no script has all of these tags"),
        ("clean,_small", "no script has all of these tags"),
    ],
)
def test_without_a_match_the_nearest_tags_are_named(words: str, expected: str) -> None:
    with pytest.raises(NoScriptError) as caught:
        found(words)

    assert expected in str(caught.value)


@pytest.mark.parametrize("words", ["get,engin", "clean,engine", "get,pyton,engine", "nothing-like-it"])
def test_a_list_and_a_run_name_the_same_tags(words: str) -> None:
    registry, query = registry_of(INDEX), parse_query(words)
    texts = []
    for search in (find_scripts, lambda registry, query: registry.select(query)):
        with pytest.raises(NoScriptError) as caught:
            search(registry, query)
        texts.append(str(caught.value))

    assert texts[0] == texts[1]


def test_an_option_has_its_type_choices_and_default() -> None:
    size, kind, url = described("get,engine")["options"]

    assert (size["name"], size["key"], size["type"], size["default"]) == ("size", "CM_SIZE", "number", 3)
    assert size["description"] == "how large"
    assert (kind["choices"], kind["refused"], kind["default"]) == (["a", "b"], {"c": "it is gone"}, "a")
    assert (url["default"], url["fixed"]) == ("http://small/", True)
    assert (size["fixed"], kind["fixed"]) == (False, False)


def test_values_are_those_of_the_requested_variations() -> None:
    document = described("get,engine,_url.http://x/")

    assert document["options"][2]["default"] == "http://x/"
    assert {each["name"] for each in document["variations"] if each["on"]} == {"large", "url.#"}
    assert document["example"] == "cm run script --tags=get,engine,_url.http://x/"


def test_variations_have_group_default_alias_and_base() -> None:
    members = {each["name"]: each for each in described("get,engine")["variations"]}

    assert (members["small"]["group"], members["small"]["default"], members["small"]["on"]) == ("kind", True, True)
    assert (members["large"]["default"], members["large"]["on"]) == (False, False)
    assert members["url.#"]["base"] == ["large"]
    assert members["big"]["alias"] == "large"


def test_an_unknown_variation_is_an_error() -> None:
    with pytest.raises(VariationError, match="Did you mean _small"):
        described("get,engine,_smal")


def test_dependencies_have_names_guards_and_their_origin() -> None:
    rows = [
        (each["when"], each["tags"], each["names"], each["with"], each["guard"], each["versions"])
        for each in described("get,engine")["dependencies"]
    ]

    assert rows == [
        (
            "before",
            "get,python,_<CM_KIND>",
            ["python", "python3"],
            "",
            "where CM_A is yes or b and CM_B is set; not where CM_C is yes or CM_D is zoo:*",
            "",
        ),
        ("before", "get,python", [], "_large", "", ""),
        ("before", "get,python", [], "version 2", "", "at least 3.10"),
        ("after", "clean", [], "", "not where CM_KEEP is yes and CM_ALL is yes", ""),
    ]


def test_exports_and_cache_are_described() -> None:
    document = described("get,engine")

    assert document["exports"] == {"CM_ENGINE_*": "", "CM_LARGE": "_large"}
    assert document["keeps"] == {
        "cache": True,
        "reads": ["CM_KIND", "CM_PYTHON", "CM_SIZE", "CM_URL"],
        "code": ["json"],
    }
    assert document["versions"] == [{"version": "1", "default": False}, {"version": "2", "default": True}]
    assert described("clean")["keeps"]["cache"] is False


def test_the_example_selects_only_this_script() -> None:
    index = {
        "one": {"tags": ["one", "get", "file"]},
        "two": {"tags": ["two", "get", "file", "more"]},
        "three": {"tags": ["three", "only"]},
    }
    registry = registry_of(index)
    for alias, expected in (("one", "one"), ("two", "get,file,more"), ("three", "only")):
        query = parse_query(alias)
        document = describe(registry.select(query), query, registry)
        assert document["example"] == f"cm run script --tags={expected}"
        assert registry.select(parse_query(expected)).alias == alias
