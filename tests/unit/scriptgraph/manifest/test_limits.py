"""The limits of a value: kinds, ranges and lengths, and how they are described."""

from __future__ import annotations

from typing import Any

import pytest

from scriptgraph.manifest.limits import is_plain_name, problem_of, range_words
from scriptgraph.manifest.types import Input

COUNT: dict[str, Any] = {"kind": "number", "whole": True, "minimum": 1, "maximum": 64}
SECONDS: dict[str, Any] = {"kind": "number", "above": 0, "maximum": 3600}
RISK: dict[str, Any] = {"kind": "number", "above": 0, "below": 1}
LIST: dict[str, Any] = {**COUNT, "kind": "numbers", "choices": ("default",)}


def option(**fields: Any) -> Input:
    return Input("o", "CM_O", **fields)


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        (COUNT, ("1", "64", "+2", " 3 ", "007")),
        (SECONDS, ("0.001", "3600", "1e3", ".5", "3.")),
        (RISK, ("0.05", "1e-9")),
        (LIST, ("1", "1,2", "1;2,3", "default", "default, 4")),
        ({"kind": "number"}, ("-1e300", "0")),
        ({"kind": "number", "whole": True}, ("-9223372036854775808",)),
        ({"kind": "name", "longest": 5}, ("a b-c", "\u00e9\u00e9")),
        ({"longest": 5}, ("../..", "a/b")),
    ],
)
def test_values_within_the_limits(fields: dict[str, Any], texts: tuple[str, ...]) -> None:
    assert [problem_of(option(**fields), text) for text in texts] == [""] * len(texts)


@pytest.mark.parametrize(
    ("fields", "texts", "problem"),
    [
        (COUNT, ("1.0", "1e1", "two", "1_0", "0x10", "\u0661", "yes", ""), "must be a whole number"),
        (COUNT, ("0", "-1", "-0"), "must be 1 or more"),
        (COUNT, ("65", "9" * 5000), "must be at most 64"),
        (SECONDS, ("nan", "inf", "-inf", "Infinity", "1_0.5", "1e"), "must be a number"),
        (SECONDS, ("0", "-0.0", "-5", "1e-999"), "must be above 0"),
        (SECONDS, ("3601", "1e999", "0" * 5000), "must be at most 3,600"),
        (RISK, ("1",), "must be below 1"),
        ({"kind": "number"}, ("1e999", "9" * 41), "must have at most 40 digits"),
        (LIST, ("0",), "'0' must be 1 or more, or default"),
        (LIST, ("1,x",), "'x' must be a whole number, or default"),
        (LIST, ("1,,65",), "'65' must be at most 64, or default"),
        (LIST, ("", ","), "must be whole numbers from 1 to 64, separated by commas"),
    ],
)
def test_values_outside_the_limits(fields: dict[str, Any], texts: tuple[str, ...], problem: str) -> None:
    assert [problem_of(option(**fields), text) for text in texts] == [problem] * len(texts)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".x", "a/b", " a", "a\n", "\x1b[1m", "\ud800", "x" * 201, "\u00e9" * 101]
)
def test_names_that_name_no_file(name: str) -> None:
    assert not is_plain_name(name)
    assert "must be a plain name" in problem_of(option(kind="name"), name)


def test_lengths_count_bytes() -> None:
    assert problem_of(option(longest=3), "\u00e9\u00e9") == "must have at most 3 bytes"
    assert problem_of(option(longest=3), "\ud800\ud800") == "must have at most 3 bytes"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (COUNT, "a whole number from 1 to 64"),
        (SECONDS, "a number above 0 and up to 3,600"),
        (RISK, "a number above 0 and below 1"),
        ({"kind": "number", "minimum": 0.5}, "a number from 0.5"),
        ({"kind": "number", "maximum": 9}, "a number up to 9"),
        ({**COUNT, "maximum": "cpus"}, "a whole number from 1 to the number of CPUs that the process may use"),
        ({"kind": "number"}, "a number"),
    ],
)
def test_ranges_in_words(fields: dict[str, Any], words: str) -> None:
    assert range_words(option(**fields)) == words
