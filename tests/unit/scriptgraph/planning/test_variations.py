"""The chosen variations, and the order in which they apply."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from tiny_scripts import manifest

from scriptgraph.errors import VariationError
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.variations import choose_variations


def on(variations: dict[str, Any], words: str = "") -> list[str]:
    """Return the names, as written, of the variations that a query turns on."""
    query = parse_query(words)
    return [each.written for each in choose_variations(_script(variations), query.variations, query.without)]


def refusal(variations: dict[str, Any], words: str) -> str:
    with pytest.raises(VariationError) as caught:
        on(variations, words)
    return str(caught.value)


def _script(variations: dict[str, Any]) -> Any:
    return manifest("x", variations=variations)


PRECISIONS = {
    "fp32": {"group": "precision", "default": True},
    "int8": {"group": "precision"},
    "cpu": {"group": "device", "default": True},
    "cuda": {"group": "device"},
    "plain": {},
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ["fp32", "cpu"]),
        ("_int8", ["cpu", "int8"]),
        ("_int8,_cuda", ["int8", "cuda"]),
        ("_cuda,_int8,_plain", ["cuda", "int8", "plain"]),
        ("_plain", ["fp32", "cpu", "plain"]),
        ("-_fp32", ["cpu"]),
        ("-_fp32,-_cpu", []),
        ("-_fp32,_fp32", ["cpu", "fp32"]),
        ("-_int8", ["fp32", "cpu"]),
    ],
)
def test_a_request_or_an_exclusion_replaces_a_groups_default(words: str, expected: list[str]) -> None:
    assert on(PRECISIONS, words) == expected


def test_defaults_apply_before_requested_variations() -> None:
    variations = {"asked": {}, "default": {"default": True}}

    assert on(variations, "_asked") == ["default", "asked"]


def test_a_default_without_a_group_can_be_excluded() -> None:
    assert on({"a": {"default": True}}, "-_a") == []


def test_two_of_a_group_exclude_each_other() -> None:
    assert refusal(PRECISIONS, "_int8,_fp32") == (
        "x: _int8 and _fp32 exclude each other (group 'precision'); keep one. Valid: _fp32, _int8."
    )


def test_a_conflict_through_a_base_names_the_base() -> None:
    variations = {**PRECISIONS, "quantised": {"base": ["int8"]}}

    assert refusal(variations, "_fp32,_quantised") == (
        "x: _fp32 and _int8 (base of _quantised) exclude each other (group 'precision'); keep one. Valid: _fp32, _int8."
    )


def test_an_unknown_variation_lists_the_nearest_and_valid_ones() -> None:
    assert refusal(PRECISIONS, "_int9") == (
        "x: has no variation _int9. Did you mean _int8? Valid: _fp32, _int8, _cpu, _cuda, _plain."
    )


def test_a_script_without_variations_says_that() -> None:
    assert refusal({}, "_a") == "x: has no variation _a."


def test_a_typo_in_an_exclusion_is_an_error_too() -> None:
    assert refusal(PRECISIONS, "-_fp33").startswith("x: has no variation _fp33. Did you mean _fp32?")


class TestBases:
    def test_they_are_on_before_their_dependants(self) -> None:
        assert on({"top": {"base": ["middle"]}, "middle": {"base": ["low"]}, "low": {}}, "_top") == [
            "low",
            "middle",
            "top",
        ]

    def test_one_that_is_shared_is_on_once(self) -> None:
        variations = {"a": {"base": ["low"]}, "b": {"base": ["low"]}, "low": {}}

        assert on(variations, "_a,_b") == ["low", "a", "b"]

    def test_one_takes_the_place_of_its_groups_default(self) -> None:
        assert on({**PRECISIONS, "quantised": {"base": ["int8"]}}, "_quantised") == ["cpu", "int8", "quantised"]

    def test_one_may_carry_a_value(self) -> None:
        assert on({"a": {"base": ["size.5"]}, "size.#": {}}, "_a") == ["size.5", "a"]

    @pytest.mark.parametrize("group", [{}, {"group": "g"}], ids=["without a group", "in a group"])
    @pytest.mark.parametrize("circle", ["aa", "aba", "abca"])
    def test_a_cycle_is_shown_in_the_error(self, circle: str, group: dict[str, str]) -> None:
        variations: dict[str, Any] = {a: {"base": [b], **group} for a, b in pairwise(circle)}
        if group and len(circle) > 2:
            variations = {name: {**each, "group": f"group of {name}"} for name, each in variations.items()}

        shown = " > ".join(f"_{name}" for name in circle)
        assert refusal(variations, "_a") == f"x: these base variations form a cycle: {shown}."

    def test_an_unknown_one_is_named(self) -> None:
        assert refusal({"a": {"base": ["b"]}}, "_a").startswith("x: has no variation _b.")


class TestAliases:
    def test_an_alias_is_the_other_variation(self) -> None:
        assert on({"a": {"alias": "b"}, "b": {"alias": "c"}, "c": {}}, "_a") == ["c"]

    def test_both_names_are_the_same_variation(self) -> None:
        assert on({"a": {"alias": "b"}, "b": {"group": "g"}}, "_a,_b") == ["b"]

    def test_an_alias_may_give_a_value(self) -> None:
        assert on({"small": {"alias": "size.10"}, "size.#": {}}, "_small") == ["size.10"]

    def test_excluding_an_alias_excludes_its_variation(self) -> None:
        assert on({"a": {"alias": "b"}, "b": {"default": True}}, "-_a") == []

    def test_a_cycle_is_shown_in_the_error(self) -> None:
        variations = {"a": {"alias": "b"}, "b": {"alias": "a"}}

        assert refusal(variations, "_a") == "x: these aliases form a cycle: _a > _b > _a."


SIZES: dict[str, Any] = {"size.#": {"group": "size", "env": {"N": "#", "LONG": "n=#!", "T": True}}, "full": {}}


class TestValues:
    @pytest.mark.parametrize(
        ("word", "value"), [("size.500", "500"), ("size.a.b-c", "a.b-c"), ("size.http://h/x", "http://h/x")]
    )
    def test_a_value_fills_the_environment(self, word: str, value: str) -> None:
        (chosen,) = choose_variations(_script(SIZES), [word])

        assert chosen.fill(chosen.variation.env) == {"N": value, "LONG": f"n={value}!", "T": True}

    def test_two_values_of_a_group_exclude_each_other(self) -> None:
        assert "_size.1 and _size.2 exclude each other" in refusal(SIZES, "_size.1,_size.2")

    @pytest.mark.parametrize("word", ["_size", "_size.", "_sise.5"])
    def test_a_pattern_needs_a_value_and_its_name(self, word: str) -> None:
        text = refusal(SIZES, word)

        assert text.startswith(f"x: has no variation {word}. Did you mean _size.#?")

    def test_a_full_name_goes_before_a_pattern(self) -> None:
        (chosen,) = choose_variations(_script({"v.#": {}, "v.1": {}}), ["v.1"])

        assert (chosen.variation.name, chosen.value) == ("v.1", "")


class TestPreferences:
    def test_a_variation_prefers_defaults_of_other_groups(self) -> None:
        variations = {**PRECISIONS, "small": {"default_variations": {"precision": "int8"}}}

        assert on(variations, "_small") == ["int8", "cpu", "small"]

    def test_a_request_goes_before_a_preference(self) -> None:
        variations = {**PRECISIONS, "small": {"default_variations": {"precision": "int8"}}}

        assert on(variations, "_small,_fp32") == ["cpu", "small", "fp32"]

    @pytest.mark.parametrize("first", ["precision", "device"])
    def test_a_default_has_preferences_too(self, first: str) -> None:
        groups = {
            "precision": {"fp32": {"group": "precision", "default": True}, "int8": {"group": "precision"}},
            "device": {"cpu": {"group": "device", "default": True, "default_variations": {"precision": "int8"}}},
        }
        order = [first, *(group for group in groups if group != first)]
        variations = {name: entry for group in order for name, entry in groups[group].items()}

        assert set(on(variations)) == {"cpu", "int8"}

    def test_an_excluded_preference_leaves_the_groups_own_default(self) -> None:
        variations = {**PRECISIONS, "small": {"default_variations": {"precision": "int8"}}}

        assert on(variations, "_small,-_int8") == ["fp32", "cpu", "small"]

    def test_a_preference_may_carry_a_value(self) -> None:
        variations = {"size.#": {"group": "size"}, "a": {"default_variations": {"size": "size.7"}}}

        assert on(variations, "_a") == ["size.7", "a"]

    def test_a_preference_of_another_group_is_an_error(self) -> None:
        variations = {**PRECISIONS, "a": {"default_variations": {"precision": "cuda"}}}

        assert refusal(variations, "_a") == (
            "x: default_variations names _cuda for the group 'precision', but it is not a member. Valid: _fp32, _int8."
        )


COMBINED: dict[str, Any] = {"a": {}, "b": {"default": True}, "c.#": {}, "a,b": {}, "c.#,a": {}, "a,b,z": {}, "z": {}}


class TestCombinations:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("", ["b"]),
            ("_a", ["b", "a", "a,b"]),
            ("_a,-_b", ["a"]),
            ("_a,_c.5,-_b", ["a", "c.5", "c.#,a"]),
            ("_a,_z", ["b", "a", "z", "a,b", "a,b,z"]),
        ],
    )
    def test_one_applies_last_if_all_its_parts_are_on(self, words: str, expected: list[str]) -> None:
        assert on(COMBINED, words) == expected

    def test_a_combination_is_not_offered(self) -> None:
        assert "a,b" not in refusal(COMBINED, "_ab")
