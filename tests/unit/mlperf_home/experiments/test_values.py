"""Values are data, and a word of a command stays one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.experiments.values import ValuesError, read_given, read_values, trials

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
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[1]", "is no object of variables"),
        ("{}", "is no object of variables"),
        ('{"N": []}', "N: is neither a list of values nor a range"),
        ('{"N": "range(9)"}', "N: is neither a list of values nor a range"),
        ('{"N": [true]}', "N: true is neither a text nor a number"),
        ('{"N": [[1]]}', "is neither a text nor a number"),
        ('{"N": [1, 1]}', "has a value twice"),
        ('{"a-b": [1]}', "is no variable's name"),
        ('{"POINT": [1]}', "POINT has a meaning already"),
        ('{"N": {"from": 1}}', "is no range"),
        ('{"N": {"from": 1, "to": 3, "by": 1}}', "is no range"),
        ('{"N": {"from": 1, "to": 3, "step": 0}}', "never comes to its end"),
        ('{"N": {"from": 3, "to": 1}}', "never comes to its end"),
        ('{"N": {"from": "1", "to": 2}}', "has an end that is no number"),
        ('{"N": {"from": 1, "to": 1e9}}', "has more than 10000 values"),
        ('{"N": {"from": 1, "to": 1000}, "M": {"from": 1, "to": 1000}}', "has more than 10000 combinations"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ValuesError, match=said):
        read_values(text, "it")


def test_each_combination_is_put_in_and_splits_no_word() -> None:
    hostile = "$(touch x); 'a' \"b\" {{N}}"

    found = trials({"N": [1, 2], "W": [hostile, "--option"]}, ["run", "{{N}}-{{W}}", "{{POINT}}"], "mine")

    assert [each.argv for each in found] == [
        ("run", f"1-{hostile}", "mine/1"),
        ("run", "1---option", "mine/2"),
        ("run", f"2-{hostile}", "mine/3"),
        ("run", "2---option", "mine/4"),
    ]


def test_a_variable_without_a_place_and_a_place_without_a_variable_are_named() -> None:
    with pytest.raises(ValuesError, match=r"{{M}}: is no variable of --explore; there are: N, POINT"):
        trials({"N": [1]}, ["{{N}}", "{{M}}"], "mine")
    with pytest.raises(ValuesError, match=r"M: stands nowhere in the command; write {{M}} there"):
        trials({"N": [1], "M": [2]}, ["{{N}}"], "mine")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "is nested more than 8 levels deep"),
        (b'{"N": ["\xff"]}', "is not UTF-8 text"),
        (b'{"N": [1], "N": [2]}', "has the key 'N' twice in one object"),
        (b'{"N": [' + b"1," * 200_000 + b"1]}", "has more than 200,000 values"),
    ],
)
def test_a_file_that_is_no_json_of_values_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "values.json"
    path.write_bytes(content)

    with pytest.raises(ValuesError, match=rf"^{path}: {said}"):
        read_given("", path)
