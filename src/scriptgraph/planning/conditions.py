"""Guards: true, false, or unknown until an earlier step has run; and their descriptions."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from scriptgraph.manifest.types import Conditions, Dependency, Value

_TRUTH = frozenset({"1", "true", "yes", "on"})
_FALSEHOOD = frozenset({"0", "false", "no", "off"})
# Equals `as_text`, but faster: a plan compares thousands of values.
_TEXTS = {True: "yes", False: "no"}
# In a condition, matches any text but the empty one: "*", "zoo:*".
ANY = "*"


def same(value: Value, other: Value) -> bool:
    """Whether a value matches as in guards: spellings of yes are equal, those of no equal no value, else the text."""
    text = value if isinstance(value, str) else _TEXTS[value] if isinstance(value, bool) else as_text(value)
    pattern = other if isinstance(other, str) else _TEXTS[other] if isinstance(other, bool) else as_text(other)
    if pattern in _TRUTH:
        return text.strip().lower() in _TRUTH
    if pattern in _FALSEHOOD:
        word = text.strip().lower()
        return word in _FALSEHOOD or not word
    if isinstance(other, str) and ANY in other:
        return text != "" and fnmatchcase(text, other)
    return text == pattern


def leniently_same(value: Value, expected: tuple[Value, ...]) -> bool:
    """Whether a value matches as in the guards of 2023.

    A spelling of yes matches everything. Where yes is expected, everything but a spelling of no matches.
    """
    text = as_text(value).lower()
    words = [each if isinstance(each, str) else as_text(each) for each in expected]
    if text in _TRUTH:
        return True
    if not _TRUTH.isdisjoint(words):
        return text not in _FALSEHOOD
    return text in words


def _answers(
    conditions: Conditions, env: Mapping[str, Value], unknown: Container[str], *, lenient: bool = False
) -> list[bool | None]:
    return [
        None
        if key in unknown
        else key in env
        and (leniently_same(env[key], values) if lenient else any(same(env[key], expected) for expected in values))
        for key, values in conditions.items()
    ]


def decide(dependency: Dependency, env: Mapping[str, Value], unknown: Container[str]) -> bool | None:
    """Evaluate a dependency's guard; None if it depends on an unknown key.

    A missing key matches nothing. The dependency runs if all conditions of `enable` and one of `enable_any` hold,
    unless all of `skip` or one of `skip_any` hold.
    """
    lenient = dependency.lenient
    enabled = _answers(dependency.enable, env, unknown, lenient=lenient)
    if dependency.enable_any:
        by_one = _answers(dependency.enable_any, env, unknown, lenient=lenient)
        enabled.append(True if True in by_one else None if None in by_one else False)
    if False in enabled:
        return False
    skipped = _answers(dependency.skip, env, unknown, lenient=lenient)
    skipped_by_one = _answers(dependency.skip_any, env, unknown, lenient=lenient)
    if True in skipped_by_one or (skipped and all(skipped)):
        return False
    open_skip = None in skipped and False not in skipped
    return None if None in enabled or None in skipped_by_one or open_skip else True


def guard_words(dependency: Dependency) -> str:
    """Return a guard's description: "where CM_A is yes; not where CM_B is set"; empty if there is no guard."""
    sides = (
        ("where", " and ", dependency.enable),
        ("where", " or ", dependency.enable_any),
        ("not where", " and ", dependency.skip),
        ("not where", " or ", dependency.skip_any),
    )
    clauses = []
    for word, joint, side in sides:
        conditions = []
        for key, values in side.items():
            words = [value if isinstance(value, str) else as_text(value) for value in values]
            conditions.append(
                f"{key} is set" if ANY in words else f"{key} is {' or '.join(word or 'empty' for word in words)}"
            )
        if side:
            clauses.append(f"{word} {joint.join(conditions)}")
    return "; ".join(clauses)


def query_words(dependency: Dependency) -> str:
    """Return a dependency's tags, including those from values: "get,engine,_<CM_ENGINE>"."""
    return ",".join((dependency.tags, *(f"{prefix}<{key}>" for prefix, key in dependency.updates)))
