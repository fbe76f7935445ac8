"""What is told of the models of a sweep that failed: each by its name, each reason once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED = 3
_ALIKE = "as the one above"
_WAY = " [on the way: "


def failure_rows(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Give a row for each model that failed.

    Args:
        lines: "<model>: <reason>" of each, in the order in which they were tried.

    Returns:
        The models' names and the reasons; a reason that is that of the row before is not repeated.
    """
    rows, before = [], ""
    for line in lines:
        model, _, reason = line.partition(": ")
        rows.append((model, _ALIKE if _what(reason) == before else reason))
        before = _what(reason)
    return rows


def failure_words(lines: Sequence[str]) -> str:
    """Say in one line how many failed, and for the first reasons which."""
    models: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for line in lines:
        model, _, reason = line.partition(": ")
        models.setdefault(_what(reason), []).append(model)
        reasons.setdefault(_what(reason), reason)
    told = [f"{_names(named)}: {reasons[what]}" for what, named in models.items()]
    if len(told) > _NAMED:
        told[_NAMED:] = [f"{len(told) - _NAMED} other reasons, which the table names"]
    return f"{len(lines)} of the models failed; the same command tries them again: {'; '.join(told)}"


def _what(reason: str) -> str:
    """Leave out which steps led to it: of those that run side by side, any may come to it first."""
    return reason.partition(_WAY)[0]


def _names(models: Sequence[str]) -> str:
    if len(models) <= _NAMED:
        return " and ".join(models)
    return f"{models[0]} and {len(models) - 1} others, which the table names"
