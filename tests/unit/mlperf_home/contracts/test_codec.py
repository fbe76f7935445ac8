"""Documents: what is written is read back, what does not fit is named by file and place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from mlperf_home.contracts.codec import (
    Document,
    OpenDocument,
    decode,
    encode,
    encode_finite,
    parse_document,
    read_document,
    schema_of,
    to_line,
    write_document,
)
from scriptgraph.errors import DocumentError


class Part(Document):
    """A part."""

    count: Annotated[int, msgspec.Meta(gt=0)]
    path: Path | None = None


class Whole(Document):
    """A document with parts."""

    parts: tuple[Part, ...]
    rates: Mapping[str, float] = {}
    rules: str = msgspec.field(name="round", default="v3.1")


class Growing(OpenDocument):
    """A document of which a later version may say more."""

    name: str


WHOLE = Whole(parts=(Part(count=1, path=Path("/m.onnx")), Part(count=2)), rates={"a": 1.0})


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_document(tmp_path / "whole.json", WHOLE)

    assert read_document(tmp_path / "whole.json", Whole) == WHOLE
    assert parse_document(to_line(WHOLE), Whole, "x") == WHOLE


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "x.json: expected `object`, got `array`"),
        ({}, "x.json: object missing required field `parts`"),
        ({"parts": [], "more": 1}, "x.json: object contains unknown field `more`"),
        ({"parts": [{"count": 1}, {"count": 0}]}, "x.json#/parts/1/count: expected `int` >= 1"),
        ({"parts": [{"count": 1, "path": ""}]}, "x.json#/parts/0/path: expected a path, got ''"),
        ({"parts": [{"count": True}]}, "x.json#/parts/0/count: expected `int`, got `bool`"),
        ({"parts": [], "rates": {"a": "fast"}}, "x.json#/rates/...: expected `float`, got `str`"),
    ],
)
def test_a_fault_is_named_by_file_and_place(value: Any, problem: str) -> None:
    with pytest.raises(DocumentError, match=f"^{re.escape(problem)}$"):
        decode(value, Whole, "x.json")


def test_an_open_document_passes_over_keys_of_later_versions() -> None:
    assert decode({"name": "n", "later": 1}, Growing, "x") == Growing(name="n")


def test_the_schema_takes_what_the_codec_writes() -> None:
    validator = Draft202012Validator(schema_of(Whole))

    assert validator.is_valid(encode(WHOLE))
    assert not validator.is_valid({"parts": [{"count": 0}]})


def test_a_number_that_json_does_not_know_is_refused_where_it_may_not_be_lost() -> None:
    assert encode_finite(WHOLE) == encode(WHOLE)
    assert encode({"rate": math.inf}) == {"rate": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_finite({"rate": math.inf})
