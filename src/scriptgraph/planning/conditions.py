"""Guards: true, false, or not known before an earlier step has run; and guards in words."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from scriptgraph.manifest.types import Conditions, Dependency, Value

_TRUTH = frozenset({"1", "true", "yes", "on"})
_FALSEHOOD = frozenset({"0", "false", "no", "off"})
# As `as_text` writes them: a plan compares thousands of values.
_TEXTS = {True: "yes", False: "no"}
# In a guard, stands for any text but the empty one: "*", "zoo:*".
ANY = "*"


def same(value: Value, wanted: Value) -> bool:
    """Compare as the guards do: any spelling of yes is yes, of no is no (and so is nothing); else the text."""
    text = value if isinstance(value, str) else _TEXTS[value] if isinstance(value, bool) else as_text(value)
    asked = wanted if isinstance(wanted, str) else _TEXTS[wanted] if isinstance(wanted, bool) else as_text(wanted)
    if asked in _TRUTH:
        return text.strip().lower() in _TRUTH
    if asked in _FALSEHOOD:
        word = text.strip().lower()
        return word in _FALSEHOOD or not word
    if isinstance(wanted, str) and ANY in wanted:
        return text != "" and fnmatchcase(text, wanted)
    return text == asked


def _answers(conditions: Conditions, env: Mapping[str, Value], unknown: Container[str]) -> list[bool | None]:
    return [
        None if key in unknown else key in env and any(same(env[key], wanted) for wanted in values)
        for key, values in conditions.items()
    ]


def decide(dependency: Dependency, env: Mapping[str, Value], unknown: Container[str]) -> bool | None:
    """Decide a dependency's guard; None where it needs a key that may still change.

    A missing key matches nothing. All of `enable` must hold; `skip` counts only when all
    of it holds, `skip_any` when one of it does.
    """
    enabled = _answers(dependency.enable, env, unknown)
    if False in enabled:
        return False
    skipped = _answers(dependency.skip, env, unknown)
    skipped_by_one = _answers(dependency.skip_any, env, unknown)
    if True in skipped_by_one or (skipped and all(skipped)):
        return False
    open_skip = None in skipped and False not in skipped
    return None if None in enabled or None in skipped_by_one or open_skip else True


def guard_words(dependency: Dependency) -> str:
    """Describe a guard: "where CM_A is yes; not where CM_B is set"; nothing where it always lets through."""
    sides = (
        ("where", " and ", dependency.enable),
        ("not where", " and ", dependency.skip),
        ("not where", " or ", dependency.skip_any),
    )
    clauses = []
    for word, joint, side in sides:
        conditions = []
        for key, values in side.items():
            words = [as_text(value) or "empty" for value in values]
            conditions.append(f"{key} is set" if ANY in words else f"{key} is {' or '.join(words)}")
        if side:
            clauses.append(f"{word} {joint.join(conditions)}")
    return "; ".join(clauses)


def query_words(dependency: Dependency) -> str:
    """Give a dependency's tags with those that values add: "get,engine,_<CM_ENGINE>"."""
    return ",".join((dependency.tags, *(f"{prefix}<{key}>" for prefix, key in dependency.updates)))
