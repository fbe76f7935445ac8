"""Guards in words: when a dependency is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.planning.conditions import ANY
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Condition, Dependency, Guard


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
