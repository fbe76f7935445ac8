"""What a script is resolved in, and the steps that have been resolved: equal surroundings give the same step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from scriptgraph.manifest.queries import ANY_VERSION, VersionRange
from scriptgraph.manifest.types import NOTHING, Override, Values
from scriptgraph.planning.environment import NOTHING_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.environment import Environment, Unknown
    from scriptgraph.planning.plan import Step

_T = TypeVar("_T")
# Far more than any workflow has, and less than what Python's stack holds.
DEEPEST = 100


class Scope:
    """What a script is resolved in: its surroundings, as it sees them; never changed.

    Attributes:
        resolved: the steps of this plan so far.
        chain: the scripts that led here.
        unknown: the keys that steps before this one may still export.
    """

    inherited: Environment
    resolved: ResolvedSteps
    overrides: Mapping[str, Override] = NOTHING
    versions: VersionRange = ANY_VERSION
    inputs: Values = NOTHING
    forced: Values = NOTHING
    chain: tuple[str, ...] = ()
    unknown: Unknown = NOTHING_UNKNOWN

    def __init__(self, inherited: Environment, resolved: ResolvedSteps, **more: Any) -> None:
        vars(self).update(more, inherited=inherited, resolved=resolved)

    def replaced(self, **named: Any) -> Scope:
        """Return the same with other values of some attributes."""
        return Scope(**{**vars(self), **named})


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

    Attributes:
        asked: the keys of which it matters, to what is being resolved, whether they may still be exported.
    """

    def __init__(self) -> None:
        self._outlines: dict[Hashable, Any] = {}
        self._known: dict[Hashable, list[tuple[Scope, Step, _Resolving]]] = {}
        self._open = [_Resolving()]
        self.asked = self._open[-1].asked

    def outline(self, manifest: Manifest, query: Query, versions: VersionRange, make: Callable[[], _T]) -> _T:
        """Return what was made of a script and what is asked of it before, whatever its surroundings; or make it."""
        asked = (manifest.alias, query.variations, query.without, _text(versions))
        if asked not in self._outlines:
            self._outlines[asked] = make()
        outline: _T = self._outlines[asked]
        return outline

    def step(self, manifest: Manifest, query: Query, scope: Scope, resolve: Callable[[], Step]) -> Step:
        """Return the step that was resolved in the same surroundings before, or resolve it."""
        asked = (manifest.alias, query.variations, query.without, _text(scope.versions), scope.inherited.signature())
        known = self._known.setdefault(asked, [])
        for before, step, gathered in known:
            if _fits(before, gathered, scope):
                self._open[-1].add(gathered)
                return step
        gathered = _Resolving(manifest.alias)
        self._open.append(gathered)
        self.asked = gathered.asked
        try:
            step = resolve()
        finally:
            self._open.pop()
            self.asked = self._open[-1].asked
        self._open[-1].add(gathered)
        known.append((scope, step, gathered))
        return step


def _text(versions: VersionRange) -> str:
    return "" if versions is ANY_VERSION else str(versions)


def _fits(before: Scope, gathered: _Resolving, scope: Scope) -> bool:
    """Whether what was resolved in one scope would be resolved to the same in another."""
    told = (before.overrides, before.inputs, before.forced)
    return (
        gathered.aliases.isdisjoint(scope.chain)  # else it is a circle, and an error
        and len(scope.chain) + gathered.height < DEEPEST
        and before.inherited.same(scope.inherited)
        and (told == (NOTHING, NOTHING, NOTHING) or repr(told) == repr((scope.overrides, scope.inputs, scope.forced)))
        and (
            before.unknown.patterns == scope.unknown.patterns
            or all((key in before.unknown) == (key in scope.unknown) for key in gathered.asked)
        )
    )
