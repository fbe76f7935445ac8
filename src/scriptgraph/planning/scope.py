"""What a script is resolved in, and the steps that have been resolved: equal surroundings give the same step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING, Override, Values, matches_any
from scriptgraph.manifest.versions import ANY_VERSION, VersionRange

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from scriptgraph.manifest.tags import Query
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Step

# Far more than any workflow has, and less than what Python's stack holds.
DEEPEST = 100


class Scope(Immutable):
    """What a script is resolved in: its surroundings, as it sees them.

    Attributes:
        resolved: the steps of this plan so far.
        chain: the scripts that led here.
        unknown: patterns of keys that steps before this one may still export.
    """

    inherited: Environment
    resolved: ResolvedSteps
    overrides: Mapping[str, Override] = NOTHING
    versions: VersionRange = ANY_VERSION
    inputs: Values = NOTHING
    forced: Values = NOTHING
    chain: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def may_be_exported(self, key: str) -> bool:
        """Say whether a step before this one may still export a key."""
        self.resolved.note_question(key)
        return matches_any(key, self.unknown)


class _Resolving:
    """What is gathered while a step, and all below it, are resolved."""

    def __init__(self, *aliases: str) -> None:
        self.asked: set[str] = set()
        self.aliases: set[str] = set(aliases)
        self.height = 0

    def add(self, other: _Resolving) -> None:
        """Count in what lies below."""
        self.asked |= other.asked
        self.aliases |= other.aliases
        self.height = max(self.height, 1 + other.height)


class ResolvedSteps:
    """The steps of one plan so far: a script that many need in the same way is resolved once.

    Without it the work doubles with each level at which two scripts need the same two.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, list[tuple[Scope, Step, _Resolving]]] = {}
        self._open = [_Resolving()]

    def note_question(self, key: str) -> None:
        """Note that what is being resolved depends on whether a key may still be exported."""
        self._open[-1].asked.add(key)

    def step(self, manifest: Manifest, query: Query, scope: Scope, resolve: Callable[[], Step]) -> Step:
        """Give the step that was resolved in the same surroundings before, or resolve it."""
        asked = (manifest.alias, query.variations, query.without, scope.versions, scope.inherited.signature())
        known = self._known.setdefault(asked, [])
        for before, step, gathered in known:
            if _fits(before, gathered, scope):
                self._open[-1].add(gathered)
                return step
        gathered = _Resolving(manifest.alias)
        self._open.append(gathered)
        try:
            step = resolve()
        finally:
            self._open.pop()
        self._open[-1].add(gathered)
        known.append((scope, step, gathered))
        return step


def _fits(before: Scope, gathered: _Resolving, scope: Scope) -> bool:
    """Say whether what was resolved in one scope would be resolved to the same in another."""
    told = (before.overrides, before.inputs, before.forced)
    return (
        gathered.aliases.isdisjoint(scope.chain)  # else it is a circle, and an error
        and len(scope.chain) + gathered.height < DEEPEST
        and before.inherited.same(scope.inherited)
        and repr(told) == repr((scope.overrides, scope.inputs, scope.forced))
        and (
            before.unknown == scope.unknown
            or all(matches_any(key, before.unknown) == matches_any(key, scope.unknown) for key in gathered.asked)
        )
    )
