"""Guards: every spelling of yes is yes, a missing key matches nothing, unknown is neither."""

from __future__ import annotations

from typing import Any

import pytest

from scriptgraph.manifest.types import Dependency
from scriptgraph.planning.conditions import decide, same

TRUTHS = (True, "yes", "Yes", "true", "on", "1", 1, " YES ")
FALSEHOODS = (False, "no", "false", "off", "0", 0, "No")


@pytest.mark.parametrize("other", [True, "1", 1, "yes", "on", "true"])
@pytest.mark.parametrize("value", TRUTHS)
def test_all_spellings_of_yes_are_the_same(value: Any, other: Any) -> None:
    assert same(value, other)
    assert not any(same(value, opposite) for opposite in (False, "0", "no", "off"))


@pytest.mark.parametrize("other", [False, "0", 0, "no", "off", "false"])
@pytest.mark.parametrize("value", FALSEHOODS)
def test_all_spellings_of_no_are_the_same(value: Any, other: Any) -> None:
    assert same(value, other)
    assert not any(same(value, opposite) for opposite in (True, "1", "yes", "on"))


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_value_is_no_and_empty_text(value: Any) -> None:
    assert same(value, False)
    assert same(value, "")
    assert not same(value, True)
    assert not same(value, "*")


@pytest.mark.parametrize(
    ("value", "other", "answer"),
    [
        ("Offline", "Offline", True),
        ("offline", "Offline", False),
        ("10", 10, True),
        (10, "10", True),
        (("a", "b"), "a,b", True),
        ("anything", "*", True),
        (False, "*", True),
        ("zoo:nlp/x", "zoo:*", True),
        ("zoo:", "zoo:*", True),
        ("nlp/zoo:x", "zoo:*", False),
        ("bert.onnx", "*.onnx", True),
        ("bert", "b?rt", False),
    ],
)
def test_text_is_compared_as_text_and_a_star_matches_any(value: Any, other: Any, answer: bool) -> None:
    assert same(value, other) is answer


A, B = {"A": ("1x", "2x")}, {"B": (True,)}
ENABLE, SKIP, SKIP_ANY = Dependency("x", enable=A | B), Dependency("x", skip=A | B), Dependency("x", skip_any=A | B)


@pytest.mark.parametrize(
    ("guard", "env", "unknown", "answer"),
    [
        (Dependency("x"), {}, "AB", True),
        # enable: all must hold
        (ENABLE, {"A": "1x", "B": "yes"}, "", True),
        (ENABLE, {"A": "2x", "B": True}, "", True),
        (ENABLE, {"A": "3x", "B": True}, "", False),
        (ENABLE, {"A": "1x"}, "", False),
        (ENABLE, {"A": "1x"}, "B", None),
        (ENABLE, {"A": "3x"}, "B", False),
        # skip: only where all hold
        (SKIP, {"A": "1x", "B": "on"}, "", False),
        (SKIP, {"A": "1x"}, "", True),
        (SKIP, {}, "", True),
        (SKIP, {"A": "1x"}, "B", None),
        (SKIP, {"A": "3x"}, "B", True),
        # skip_any: where one holds
        (SKIP_ANY, {"A": "1x"}, "", False),
        (SKIP_ANY, {"A": "1x"}, "B", False),
        (SKIP_ANY, {"A": "3x"}, "", True),
        (SKIP_ANY, {"A": "3x"}, "B", None),
        # together
        (Dependency("x", enable=A, skip=B), {"A": "1x", "B": "no"}, "", True),
        (Dependency("x", enable=A, skip=B), {"A": "1x", "B": "yes"}, "", False),
        (Dependency("x", enable=A, skip=B), {"B": "yes"}, "A", False),
        (Dependency("x", enable=A, skip_any=B), {"A": "3x"}, "B", False),
    ],
)
def test_guards(guard: Dependency, env: dict[str, Any], unknown: str, answer: bool | None) -> None:
    assert decide(guard, env, unknown) is answer


def test_a_value_that_may_still_change_is_ignored() -> None:
    assert decide(ENABLE, {"A": "1x", "B": "yes"}, {"B"}) is None
