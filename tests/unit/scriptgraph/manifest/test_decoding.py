"""A manifest is decoded completely, or refused with the place of the error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_scripts import document, manifest

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.decoding import decode_manifest, decode_override
from scriptgraph.manifest.queries import VersionRange
from scriptgraph.manifest.types import Input, Override, matches_any

PATH = Path("/scripts/x/_cm.json")
NO_VALUE = "an object is not a value of the environment"


def refusal(**fields: Any) -> tuple[str, str]:
    """Return the pointer and the problem of a manifest with these fields."""
    with pytest.raises(ManifestError) as caught:
        decode_manifest(json.dumps({**document("x"), **fields}), PATH)
    assert str(caught.value) == f"{PATH}#{caught.value.pointer}: {caught.value.problem}"
    return caught.value.pointer, caught.value.problem


@pytest.mark.parametrize(
    ("fields", "pointer", "problem"),
    [
        ({"dpes": []}, "/dpes", "unknown key; did you mean deps?"),
        ({"zzz": 1}, "/zzz", "unknown key"),
        ({"alias": 3}, "/alias", "must be text, is a number"),
        ({"tags": {"a": 1}}, "/tags", "must be a list, is an object"),
        ({"tags": ["a", None]}, "/tags/1", "must be text, is null"),
        ({"deps": {"tags": "a"}}, "/deps", "must be a list, is an object"),
        ({"deps": ["a"]}, "/deps/0", "must be an object, is text"),
        ({"deps": [{"tags": "a"}, {"names": ["b"]}]}, "/deps/1", "a dependency needs tags"),
        ({"deps": [{"tags": " , "}]}, "/deps/0/tags", "names no tag; give at least one"),
        ({"deps": [{"tags": "a", "enable_if": {}}]}, "/deps/0/enable_if", "unknown key; did you mean enable_if_env?"),
        ({"deps": [{"tags": "a", "skip_if_env": {"K": [{}]}}]}, "/deps/0/skip_if_env/K/0", NO_VALUE),
        ({"post_deps": [{"tags": "a", "env": {"K": {"x": 1}}}]}, "/post_deps/0/env/K", NO_VALUE),
        ({"deps": [{"tags": "a", "version_min": 3.8}]}, "/deps/0/version_min", "must be text, is a number"),
        ({"variations": []}, "/variations", "must be an object, is a list"),
        ({"variations": {"a/b": {"group": 1}}}, "/variations/a~1b/group", "must be text, is a number"),
        ({"variations": {"a~": {"defaults": True}}}, "/variations/a~0/defaults", "unknown key; did you mean default?"),
        ({"variations": {"a": {"default": "yes"}}}, "/variations/a/default", "must be true or false, is text"),
        ({"variations": {"a": {"adr": {"n": "tags"}}}}, "/variations/a/adr/n", "must be an object, is text"),
        ({"variations": {"a": {"adr": {"n": {"k": {"l": 1}}}}}}, "/variations/a/adr/n/k", NO_VALUE),
        ({"inputs": {"n": {"desc": "d"}}}, "/inputs/n", "an input needs env, the key that it sets"),
        (
            {"inputs": {"n": {"env": "K", "type": "file"}}}, "/inputs/n/type",
            "must be text, name, path, number, numbers or flag",
        ),
        ({"inputs": {"n": {"env": "K", "above": "0"}}}, "/inputs/n/above", "must be a number, is text"),
        ({"inputs": {"n": {"env": "K", "maximum": "x"}}}, "/inputs/n/maximum", "must be a number or cpus"),
        (
            {"inputs": {"n": {"env": "K", "minimum": 1}}}, "/inputs/n/minimum",
            "belongs to the type number or numbers; set that type, or remove it",
        ),
        (
            {"inputs": {"n": {"env": "K", "type": "flag", "place": "file"}}}, "/inputs/n/place",
            "belongs to the type path; set that type, or remove it",
        ),
        ({"inputs": {"n": {"env": "K", "choices": [1]}}}, "/inputs/n/choices/0", "must be text, is a number"),
        ({"cache": 1}, "/cache", "must be true or false, is a number"),
        ({"default_env": {"K": {}}}, "/default_env/K", NO_VALUE),
        ({"versions": {"1": {"envs": {}}}}, "/versions/1/envs", "unknown key; did you mean env?"),
        ({"versions": {"1.0": {}}, "default_version": "1"}, "/default_version", "must be one of versions: 1.0"),
        ({"default_version": "1"}, "/default_version", "must be one of versions; there are none"),
        ({"variations": {"a": {}}, "uid": True}, "/uid", "must be text, is true or false"),
    ],
)  # fmt: skip
def test_an_error_is_located(fields: dict[str, Any], pointer: str, problem: str) -> None:
    assert refusal(**fields) == (pointer, problem)


@pytest.mark.parametrize("key", ["alias", "uid", "tags"])
def test_alias_uid_and_tags_are_required(key: str) -> None:
    text = json.dumps({name: value for name, value in document("x").items() if name != key})

    with pytest.raises(ManifestError, match=f"needs {key}$"):
        decode_manifest(text, PATH)


@pytest.mark.parametrize("text", ["", "{", '{"alias": "x",}'])
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(ManifestError, match=rf"^{PATH}#: is not JSON \("):
        decode_manifest(text, PATH)


def test_a_duplicate_key_is_refused() -> None:
    with pytest.raises(ManifestError, match=f"^{PATH}#: has the key 'env' twice in one object; keep one$"):
        decode_manifest('{"alias": "x", "uid": "1", "tags": ["x"], "env": {}, "env": {"K": 1}}', PATH)


def test_a_document_that_is_no_object() -> None:
    with pytest.raises(ManifestError, match=f"^{PATH}#: must be an object, is a list$"):
        decode_manifest("[]", PATH)


def test_values_are_decoded_once() -> None:
    env = {"A": "yes", "B": "off", "C": "1", "D": 1.5, "E": ["a", "b"], "F": None, "G": "Yes, sir"}

    assert manifest("x", env=env).env == {
        "A": True, "B": False, "C": "1", "D": 1.5, "E": ("a", "b"), "F": None, "G": "Yes, sir",
    }  # fmt: skip


@pytest.mark.parametrize("tags", [["a", "b", "_v"], "a,b,_v", "a b _v"])
def test_a_dependency(tags: Any) -> None:
    (dependency,) = manifest(
        "x",
        deps=[
            {
                "tags": tags,
                "names": ["n", "m"],
                "enable_if_env": {"A": ["1x", True], "B": "yes"},
                "skip_if_env": {"C": ["no"]},
                "skip_if_any_env": {"D": ["*"]},
                "update_tags_from_env_with_prefix": {"_": ["E", "F"]},
                "update_tags_from_env": ["G"],
                "version_min": "1.2",
                "env": {"H": "<<<I>>>"},
            }
        ],
    ).deps

    assert dependency.tags == "a,b,_v"
    assert dependency.names == ("n", "m")
    assert dependency.enable == {"A": ("1x", True), "B": (True,)}
    assert (dependency.skip, dependency.skip_any) == ({"C": (False,)}, {"D": ("*",)})
    assert dependency.updates == (("_", "E"), ("_", "F"), ("", "G"))
    assert dependency.versions == VersionRange(minimum="1.2")
    assert dependency.env == {"H": "<<<I>>>"}
    assert dependency.keys == set("ABCDEFG")


def test_an_input() -> None:
    option = {
        "env": "K", "desc": "what", "default": "no", "choices": ["a", "b*"], "type": "path", "refused": {"c": "gone"},
    }  # fmt: skip

    assert manifest("x", inputs={"n-m": option}).inputs == {
        "n-m": Input("n-m", "K", "what", default=False, choices=("a", "b*"), refused={"c": "gone"}, kind="path")
    }


@pytest.mark.parametrize("key", ["adr", "add_deps_recursive"])
def test_overrides_of_a_variation_are_decoded(key: str) -> None:
    variations = {"v": {key: {"n": {"tags": ["_a", "_b"], "version": "2", "max-size": "yes"}}}}

    assert manifest("x", variations=variations).variations["v"].overrides == {
        "n": Override("_a,_b", VersionRange(exact="2"), {"max_size": True})
    }


def test_overrides_over_each_other() -> None:
    low = decode_override({"tags": "_a", "version_min": "1", "k": 1, "l": 1})
    high = decode_override({"tags": "_b", "version_max": "2", "k": 2})

    assert high.over(low) == decode_override({"tags": "_a,_b", "version_min": "1", "version_max": "2", "k": 2, "l": 1})


def test_a_script_may_read_what_it_sets_takes_and_declares() -> None:
    script = manifest(
        "x",
        env={"A": 1},
        default_env={"B": 1},
        env_keys=["C"],
        inputs={"d": {"env": "D"}},
        variations={"v": {"env": {"E": 1}, "default_env": {"F": 1}}},
        versions={"1": {"env": {"G": 1}}},
        new_env_keys=["H"],
        deps=[{"tags": "y", "enable_if_env": {"I": 1}, "env": {"J": 1}}],
    )

    assert script.reads == {*"ABCDEFG", "CM_VERSION", "CM_VERSION_MIN", "CM_VERSION_MAX"}
    assert manifest("x", env_keys=["C"]).reads == {"C"}


def test_the_digest_is_that_of_the_text() -> None:
    assert manifest("x").digest == manifest("x").digest
    assert manifest("x").digest != manifest("x", name="y").digest


@pytest.mark.parametrize(
    ("key", "patterns", "answer"),
    [
        ("CM_A", ("CM_A",), True),
        ("CM_AB", ("CM_A",), False),
        ("CM_AB", ("CM_B", "CM_A*"), True),
        ("cm_a", ("CM_*",), False),
        ("CM_A", (), False),
    ],
)
def test_patterns_of_keys(key: str, patterns: tuple[str, ...], answer: bool) -> None:
    assert matches_any(key, patterns) is answer


@pytest.mark.parametrize(("entries", "value"), [(["a", 1, 2.5, True], ("a", "1", "2.5", "yes")), ([], ())])
def test_a_list_becomes_texts(entries: list[Any], value: tuple[str, ...]) -> None:
    assert manifest("x", env={"K": entries}).env == {"K": value}


@pytest.mark.parametrize("entry", [None, {}, []])
def test_a_list_holds_no_other_lists_or_objects(entry: Any) -> None:
    pointer, problem = refusal(env={"K": ["a", entry]})

    assert pointer == "/env/K"
    assert problem.endswith("in a list is not a value of the environment")
