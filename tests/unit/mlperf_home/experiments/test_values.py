"""Values are read from JSON; a word of a command stays one word with every value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.experiments.values import ValuesError, make_trials, read_value_options, read_values

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"N": [1, "a b", 2.5]}', {"N": [1, "a b", 2.5]}),
        ('{"N": {"from": 1, "to": 4}}', {"N": [1, 2, 3, 4]}),
        ('{"N": {"from": 0.1, "to": 0.3, "step": 0.1}}', {"N": [0.1, 0.2, 0.3]}),
        ('{"N": {"from": 2, "to": 7, "step": 3}}', {"N": [2, 5]}),
    ],
)
def test_lists_and_ranges_are_read(text: str, expected: dict[str, list[object]]) -> None:
    assert read_values(text, "it") == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON"),
        ("[1]", "is not an object of variables"),
        ("{}", "is not an object of variables"),
        ('{"N": []}', "N: is neither a list of values nor a range"),
        ('{"N": "range(9)"}', "N: is neither a list of values nor a range"),
        ('{"N": [true]}', "N: true is neither a text nor a number"),
        ('{"N": [[1]]}', "is neither a text nor a number"),
        ('{"N": [1, 1]}', "has a value twice"),
        ('{"a-b": [1]}', "is not a variable's name"),
        ('{"POINT": [1]}', "POINT is reserved"),
        ('{"N": {"from": 1}}', "is not a range"),
        ('{"N": {"from": 1, "to": 3, "by": 1}}', "is not a range"),
        ('{"N": {"from": 1, "to": 3, "step": 0}}', "has no end; use a step above 0"),
        ('{"N": {"from": 3, "to": 1}}', "has no end; use a step above 0"),
        ('{"N": {"from": "1", "to": 2}}', "has an end that is not a number"),
        ('{"N": {"from": 1, "to": 1e9}}', "has more than 10000 values"),
        ('{"N": {"from": 1, "to": 1000}, "M": {"from": 1, "to": 1000}}', "has more than 10000 combinations"),
    ],
)
def test_other_values_are_refused_with_their_place(text: str, problem: str) -> None:
    with pytest.raises(ValuesError, match=problem):
        read_values(text, "it")


def test_a_value_never_splits_a_word() -> None:
    hostile = "$(touch x); 'a' \"b\" {{N}}"

    trials = make_trials({"N": [1, 2], "W": [hostile, "--option"]}, ["run", "{{N}}-{{W}}", "{{POINT}}"], "mine")

    assert [each.argv for each in trials] == [
        ("run", f"1-{hostile}", "mine/1"),
        ("run", "1---option", "mine/2"),
        ("run", f"2-{hostile}", "mine/3"),
        ("run", "2---option", "mine/4"),
    ]


def test_variables_and_placeholders_must_match() -> None:
    with pytest.raises(ValuesError, match=r"{{M}}: is not a variable of --explore; use one of N, POINT"):
        make_trials({"N": [1]}, ["{{N}}", "{{M}}"], "mine")
    with pytest.raises(ValuesError, match=r"M: has no placeholder in the command; write {{M}} there"):
        make_trials({"N": [1], "M": [2]}, ["{{N}}"], "mine")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 100_000, "is nested more than 8 levels deep"),
        (b'{"N": ["\xff"]}', "is not UTF-8 text"),
        (b'{"N": [1], "N": [2]}', "has the key 'N' twice in one object"),
        (b'{"N": [' + b"1," * 200_000 + b"1]}", "has more than 200,000 values"),
    ],
)
def test_a_file_without_values_is_an_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "values.json"
    path.write_bytes(content)

    with pytest.raises(ValuesError, match=rf"^{path}: {problem}"):
        read_value_options("", path)
