"""Merge dictionaries and choose keys as in 2023."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import Any

_PLACEHOLDER = re.compile(r"<<<(.*?)>>>")


def merge(under: dict[str, Any], over: dict[str, Any]) -> None:
    """Merge a dictionary into another: lists are joined without repetition, others replaced."""
    for key, value in over.items():
        before = under.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merge(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            before.extend(each for each in value if each not in before)
        else:
            under[key] = value


def chosen(values: dict[str, Any], patterns: list[str]) -> dict[str, Any]:
    """Return the members whose keys match a pattern, or are named by the value of a placeholder."""
    found: dict[str, Any] = {}
    for pattern in patterns:
        if "*" in pattern or "?" in pattern:
            found |= {key: value for key, value in values.items() if fnmatch(key, pattern)}
        elif pattern in values:
            found[pattern] = values[pattern]
        for name in _PLACEHOLDER.findall(pattern):
            key = values.get(name)
            if isinstance(key, str) and key in values:
                found[key] = values[key]
    return found


def fill_in(env: dict[str, Any]) -> None:
    """Replace placeholders in values, and booleans by their words, as in 2023."""
    for key, value in env.items():
        if isinstance(value, bool):
            env[key] = str(value)
        elif isinstance(value, str) and "<<<" in value:
            env[key] = _PLACEHOLDER.sub(lambda match: str(env.get(match[1], match[0])), value)
