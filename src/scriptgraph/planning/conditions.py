"""Guards: true, false, or not known before an earlier step has run; and guards in words."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from scriptgraph.manifest.types import Condition, Dependency, Guard, Value

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


def _holds(condition: Condition, env: Mapping[str, Value], unknown: Container[str]) -> bool | None:
    if condition.key in unknown:
        return None
    if condition.key not in env:
        return False
    value = env[condition.key]
    return any(same(value, wanted) for wanted in condition.values)


def _all_hold(conditions: tuple[Condition, ...], env: Mapping[str, Value], unknown: Container[str]) -> bool | None:
    answers = [_holds(condition, env, unknown) for condition in conditions]
    return False if False in answers else None if None in answers else True


def decide(guard: Guard, env: Mapping[str, Value], unknown: Container[str]) -> bool | None:
    """Decide a guard; None where it needs a key that may still change.

    A missing key matches nothing. All of `enable` must hold; `skip` counts only when all
    of it holds, `skip_any` when one of it does.
    """
    enabled = _all_hold(guard.enable, env, unknown)
    if enabled is False:
        return False
    skipped = _all_hold(guard.skip, env, unknown) if guard.skip else False
    skipped_by_one = [_holds(condition, env, unknown) for condition in guard.skip_any]
    if skipped or True in skipped_by_one:
        return False
    return None if None in {enabled, skipped, *skipped_by_one} else True


def guard_words(guard: Guard) -> str:
    """Say when a guard lets through: "where CM_A is yes; not where CM_B is set"; nothing where it always does."""
    parts = []
    if guard.enable:
        parts.append(f"where {' and '.join(map(_condition, guard.enable))}")
    if guard.skip:
        parts.append(f"not where {' and '.join(map(_condition, guard.skip))}")
    if guard.skip_any:
        parts.append(f"not where {' or '.join(map(_condition, guard.skip_any))}")
    return "; ".join(parts)


def query_words(dependency: Dependency) -> str:
    """Give a dependency's tags with those that values add: "get,engine,_<CM_ENGINE>"."""
    added = [f"{update.prefix}<{key}>" for update in dependency.tag_updates for key in update.keys]
    return ",".join((dependency.tags, *added))


def _condition(condition: Condition) -> str:
    words = [value if isinstance(value, str) else as_text(value) for value in condition.values]
    if ANY in words:
        return f"{condition.key} is set"
    return f"{condition.key} is {' or '.join(word or 'empty' for word in words)}"
