"""Sealed lines: what was written is read, and what was not is named."""

from __future__ import annotations

from typing import Any

import pytest

from mlperf_home.contracts.codec import OpenDocument
from mlperf_home.contracts.sealed_lines import is_sealed, seal, unseal, unsealed
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits

LIMITS = Limits(1000, 8, 100)


class Entry(OpenDocument):
    """An entry of any file."""

    name: str
    value: Any = None


def kind_of(_entry: object) -> type[Entry]:
    return Entry


def test_an_entry_is_read_as_it_was_written() -> None:
    entry = Entry(name="ä", value={"b": [1, 2.5], "a": None})

    assert unseal(seal(entry), kind_of, LIMITS) == entry


def test_a_line_without_its_end_is_whole_and_a_cut_one_is_not() -> None:
    line = seal(Entry(name="a"))

    assert is_sealed(line[:-1], kind_of, LIMITS)
    assert not is_sealed(line[:-2], kind_of, LIMITS)


def test_a_changed_byte_is_noticed() -> None:
    with pytest.raises(DocumentError, match="another checksum"):
        unseal(seal(Entry(name="a")).replace(b'"a"', b'"b"'), kind_of, LIMITS)


def test_damaged_lines_are_named_and_others_read() -> None:
    damages: list[str] = []
    lines = [seal(Entry(name="first")), b"\n", b"no JSON\n", seal(Entry(name="second"))]

    found = list(unsealed(lines, kind_of, LIMITS, damages.append))

    assert [each.name for each in found] == ["first", "second"]
    assert len(damages) == 1
    assert damages[0].startswith("line 3 is damaged (")
