"""Failures of dependencies are read as written; anything else is refused with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scriptgraph.errors import DocumentError, StepFailed
from scriptgraph.execution.context import failing_on
from scriptgraph.execution.failures import DependencyFailure, failures_text, read_failures

ENTRY = {"for": {"CM_MODEL": "a"}, "step": "x", "error": "no room", "way": ["top", "x"], "log": None, "advice": None}


class AdvisingError(Exception):
    """A library's error with separate advice."""

    advice = "make room"


def failed() -> StepFailed:
    error = StepFailed("no <<<CM_ROOM>>>")
    error.within("x").within("top").log = Path("/logs/x.log")
    error.advice = "make room"
    return error


def test_failures_are_read_as_written() -> None:
    text = failures_text([({"CM_MODEL": "a", "CM_SIZES": ("1", "2")}, failed()), ({}, StepFailed("other"))])

    first, second = read_failures(text, "CM_FAILED")

    assert first == DependencyFailure(
        {"CM_MODEL": "a", "CM_SIZES": ("1", "2")},
        "x",
        "no <<<CM_ROOM>>>",
        ("top", "x"),
        Path("/logs/x.log"),
        "make room",
    )
    assert first.report() == "no <<<CM_ROOM>>> (on the way: top > x; log: /logs/x.log)"
    assert failed().report() == "no <<<CM_ROOM>>>\n  on the way: top > x\n  log: /logs/x.log"
    assert (second.name, second.step, second.way, second.log, second.advice) == ("", "", (), None, None)
    assert "<<<" not in text


def test_odd_names_and_long_messages_are_read_too() -> None:
    odd, long = StepFailed("no file /tmp/caf\udce9"), StepFailed("x" * (9 << 20))

    first, second = read_failures(failures_text([({}, odd), ({}, long)]), "CM_FAILED")

    assert first.error == "no file /tmp/caf\udce9"
    assert second.error == "x" * (1 << 16)


def test_empty_text_means_no_failures() -> None:
    assert read_failures("", "CM_FAILED") == ()


def test_an_error_of_a_library_keeps_its_advice() -> None:
    with pytest.raises(StepFailed) as caught, failing_on(AdvisingError):
        raise AdvisingError("no room; make room")

    assert (str(caught.value), caught.value.advice) == ("no room; make room", "make room")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("net a: no room", "CM_FAILED: is not JSON"),
        ("[" * 100_000, "CM_FAILED: is nested more than 8 levels deep"),
        ({}, "CM_FAILED: is not a list of failures"),
        ([1], "CM_FAILED#/0/way: is missing"),
        ([ENTRY, {**ENTRY, "error": None}], "CM_FAILED#/1/error: is missing or of another type"),
        ([{**ENTRY, "way": [1]}], "CM_FAILED#/0/way: is not a list of texts"),
        ([{**ENTRY, "log": 1}], "CM_FAILED#/0/log: is missing or of another type"),
    ],
)
def test_a_fault_is_named_by_key_and_place(document: Any, problem: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)

    with pytest.raises(DocumentError, match=f"^{re.escape(problem)}"):
        read_failures(text, "CM_FAILED")
