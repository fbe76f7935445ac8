"""Documents are read back as written; errors name the file and the place in it."""

from __future__ import annotations

import contextlib
import io
import math
import re
import sys
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
    parse_document,
    print_line,
    read_document,
    schema_of,
    to_line,
    write_document,
)
from scriptgraph.errors import DocumentError


class NestedDocument(Document):
    """A nested document."""

    count: Annotated[int, msgspec.Meta(gt=0)]
    path: Path | None = None


class SampleDocument(Document):
    """A document with nested documents."""

    parts: tuple[NestedDocument, ...]
    rates: Mapping[str, float] = {}
    rules: str = msgspec.field(name="round", default="v3.1")


class Extensible(OpenDocument):
    """A document whose later versions may have more keys."""

    name: str


DOCUMENT = SampleDocument(
    parts=(NestedDocument(count=1, path=Path("/m.onnx")), NestedDocument(count=2)), rates={"a": 1.0}
)


def test_a_document_is_read_back_as_written(tmp_path: Path) -> None:
    write_document(tmp_path / "document.json", DOCUMENT)

    assert read_document(tmp_path / "document.json", SampleDocument) == DOCUMENT
    assert parse_document(to_line(DOCUMENT), SampleDocument, "x") == DOCUMENT


def test_an_interruption_leaves_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(io.StringIO):
        def write(self, text: str, /) -> int:
            if self.getvalue():
                raise KeyboardInterrupt
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", written := Interrupted())
    with contextlib.suppress(KeyboardInterrupt):
        print_line(DOCUMENT)

    assert written.getvalue() == f"{to_line(DOCUMENT)}\n"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "x.json: expected `object`, got `array`"),
        ({}, "x.json: object missing required field `parts`"),
        ({"parts": [], "more": 1}, "x.json: object contains unknown field `more`"),
        ({"parts": [{"count": 1}, {"count": 0}]}, "x.json#/parts/1/count: expected `int` >= 1"),
        ({"parts": [{"count": 1, "path": ""}]}, "x.json#/parts/0/path: expected a path, got ''"),
        (
            {"parts": [{"count": 1, "path": "/caf\udce9"}]},
            r"x.json#/parts/0/path: expected a path in UTF-8, got '/caf\udce9'",
        ),
        ({"parts": [{"count": True}]}, "x.json#/parts/0/count: expected `int`, got `bool`"),
        ({"parts": [], "rates": {"a": "fast"}}, "x.json#/rates/...: expected `float`, got `str`"),
    ],
)
def test_an_error_names_the_file_and_the_place(value: Any, problem: str) -> None:
    with pytest.raises(DocumentError, match=f"^{re.escape(problem)}$"):
        decode(value, SampleDocument, "x.json")


def test_an_open_document_ignores_unknown_keys() -> None:
    assert decode({"name": "n", "later": 1}, Extensible, "x") == Extensible(name="n")


def test_an_encoded_document_fits_its_schema() -> None:
    validator = Draft202012Validator(schema_of(SampleDocument))

    assert validator.is_valid(encode(DOCUMENT))
    assert not validator.is_valid({"parts": [{"count": 0}]})


def test_a_number_unknown_to_json_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"rate": math.inf})
