"""A script's options are described in words."""

from __future__ import annotations

from typing import Any

import pytest

from scriptgraph.cli.script_options import in_words, notes_of

PLAIN: dict[str, Any] = {
    "name": "x", "key": "CM_X", "type": "text", "default": None, "fixed": False, "choices": [], "refused": {},
    "needs": "", "range": "", "longest": 0, "description": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"type": "number", "range": "a number above 0"}, "a number above 0"),
        ({"type": "numbers", "range": "whole numbers", "choices": ["default"]}, "whole numbers; or default"),
        ({"type": "name", "longest": 100}, "at most 100 bytes"),
        ({"type": "number", "refused": {"1": "one is too few"}}, "not 1 (one is too few)"),
        ({"refused": {"*": "only CPUs are measured"}}, "not supported (only CPUs are measured)"),
        ({"refused": {"tf": "use another"}}, "not tf (use another)"),
        ({"choices": ["bert-99", "zoo:*"], "default": "bert-99"}, "one of bert-99, zoo:...; default bert-99"),
        ({"description": "how", "needs": "tar"}, "how; only with --tar"),
        ({"default": "8", "fixed": True}, "set to 8 by a variation or version"),
    ],
)
def test_ranges_choices_and_defaults_are_described(option: dict[str, Any], words: str) -> None:
    assert notes_of({**PLAIN, **option}) == words


@pytest.mark.parametrize(("pattern", "words"), [("zoo:*", "zoo:..."), ("*", "any value"), ("fp32", "fp32")])
def test_patterns_are_described(pattern: str, words: str) -> None:
    assert in_words(pattern) == words
