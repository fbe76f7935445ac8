"""Untrusted JSON is read, or refused in one line that names the file and the place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json, parse_line, read_json

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Limits(size=1000, depth=3, values=5)


@pytest.mark.parametrize(
    "text", ['{"a": [1, "ä", null, 1.5]}', '"[[[[[[,,,,,,"', "\ufeff[]", '["\\ud83d\\ude00"]', "3"]
)
def test_json_within_the_limits_is_read(text: str) -> None:
    assert parse_json(text, "x", SMALL) is not None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 100_000, "has more than 1,000 bytes"),
        (b"[[[[]]]]", "nested more than 3 levels deep"),
        (b"[" * 900, "has more than 5 values"),
        (b'[["]]", [[]]]]', "nested more than 3 levels deep"),
        (b'["\\"]", [[{"\\\\": "]"}]]]', "nested more than 3 levels deep"),
        (b"[1,2,3,4,5,6]", "has more than 5 values"),
        (b'{"a": NaN}', "has NaN, which is not JSON; write a number or null"),
        (b'{"a": 1e999}', "has the number 1e999, which is too large"),
        (b'{"a": -Infinity}', "has -Infinity, which is not JSON"),
        (b"\xff", "is not UTF-8 text at byte 0"),
        (b'"\\ud800"', "is not UTF-8 text"),
        (b'{"a": 1', "is not JSON (Expecting ',' delimiter: line 1 column 8 (char 7))"),
        (b"", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
    ],
)
def test_an_error_is_one_line_that_names_the_file(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=re.escape(problem)) as refused:
        read_json(path, SMALL)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_deep_nesting_is_refused_by_the_default_limits() -> None:
    with pytest.raises(DocumentError, match="nested more than 64 levels deep"):
        parse_json("[" * 100_000, "x")


@pytest.mark.parametrize("number", ["1" * 5000, "1" * 31, str(1 << 64), str(-1 << 64), "-" + "9" * 400])
def test_a_number_of_more_than_64_bits_is_refused(number: str) -> None:
    with pytest.raises(DocumentError, match=r"^x: has the number -?\d+\.\.\., which is too large$"):
        parse_json(f"[{number}]", "x")


def test_a_seed_of_64_bits_is_read() -> None:
    assert parse_json("[18446744073709551615, -18446744073709551615]", "x") == [(1 << 64) - 1, 1 - (1 << 64)]


@pytest.mark.parametrize("text", ["[" * 100_000, "NaN", "1" * 5000, '{"a"', b"\xff", "[1e999]"])
def test_a_damaged_line_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller names the place
        parse_line(text)


def test_escaped_quotes_without_an_end_are_refused() -> None:
    with pytest.raises(DocumentError, match="nested more than 64 levels deep"):
        parse_json("[" * 65 + '"' + '\\"' * 200_000, "x")


def test_a_repeated_key_is_refused_on_request() -> None:
    assert parse_json('{"a": 1, "a": 2}', "x") == {"a": 2}
    with pytest.raises(DocumentError, match="x: has the key 'a' twice in one object"):
        parse_json('{"a": 1, "a": 2}', "x", unique=True)


def test_a_repeated_key_among_many_is_found_at_once() -> None:
    text = "".join(f'"{number}": 0, ' for number in range(200_000))

    with pytest.raises(DocumentError, match="has the key '199999' twice"):
        parse_json(f'{{{text} "199999": 0}}', "x", unique=True)


def test_file_names_that_are_not_utf_8_are_read_on_request() -> None:
    assert parse_json('["\\udcff"]', "x", paths=True) == ["\udcff"]


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"no\.json: cannot be read \(No such file or directory\)"):
        read_json(tmp_path / "no.json")
