"""The scope in which a script is resolved, and the steps resolved so far; equal scopes share a step."""

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
# Far more than any workflow needs, and less than Python's stack allows.
DEEPEST = 100


class Scope:
    """The immutable context in which a script is resolved.

    Attributes:
        resolved: the steps of this plan resolved so far.
        forced: options by `--adr`.
        chain: the scripts from the root.
        unknown: the keys that earlier steps may still export.
    """

    inherited: Environment
    resolved: ResolvedSteps
    overrides: Mapping[str, Override] = NOTHING
    versions: VersionRange = ANY_VERSION
    inputs: Values = NOTHING
    forced: Values = NOTHING
    chain: tuple[Manifest, ...] = ()
    unknown: Unknown = NOTHING_UNKNOWN

    def __init__(self, inherited: Environment, resolved: ResolvedSteps, **more: Any) -> None:
        vars(self).update(more, inherited=inherited, resolved=resolved)

    def replaced(self, **named: Any) -> Scope:
        """Return a copy with some attributes replaced."""
        return Scope(**{**vars(self), **named})


class _Trace:
    """The facts that resolving a step, and all steps below it, depended on."""

    def __init__(self, *places: str) -> None:
        self.consulted: set[str] = set()
        self.places: set[str] = set(places)
        self.height = 0

    def add(self, other: _Trace) -> None:
        """Merge the facts of a step below."""
        self.consulted |= other.consulted
        self.places |= other.places
        self.height = max(self.height, 1 + other.height)


class ResolvedSteps:
    """The steps of one plan so far; a script that several need in the same way is resolved once.

    Otherwise the work would double with each level at which two scripts need the same two.

    Attributes:
        consulted: the keys for which the step being resolved depends on whether they may still be exported.
    """

    def __init__(self) -> None:
        self._outlines: dict[Hashable, Any] = {}
        self._known: dict[Hashable, list[tuple[Scope, Step, _Trace]]] = {}
        self._open = [_Trace()]
        self.consulted = self._open[-1].consulted

    def outline(self, manifest: Manifest, query: Query, versions: VersionRange, make: Callable[[], _T]) -> _T:
        """Return the result of `make` for a script, query and versions, from an earlier call where there was one."""
        key = (manifest.place, query.variations, query.without, _text(versions))
        if key not in self._outlines:
            self._outlines[key] = make()
        outline: _T = self._outlines[key]
        return outline

    def step(self, manifest: Manifest, query: Query, scope: Scope, resolve: Callable[[], Step]) -> Step:
        """Return the step that was resolved earlier in an equal scope, or resolve it."""
        key = (manifest.place, query.variations, query.without, _text(scope.versions), scope.inherited.signature())
        known = self._known.setdefault(key, [])
        for before, step, trace in known:
            if _fits(before, trace, scope):
                self._open[-1].add(trace)
                return step
        trace = _Trace(manifest.place)
        self._open.append(trace)
        self.consulted = trace.consulted
        try:
            step = resolve()
        finally:
            self._open.pop()
            self.consulted = self._open[-1].consulted
        self._open[-1].add(trace)
        known.append((scope, step, trace))
        return step


def _text(versions: VersionRange) -> str:
    return "" if versions is ANY_VERSION else str(versions)


def _fits(before: Scope, trace: _Trace, scope: Scope) -> bool:
    """Whether a step resolved in one scope is valid in another."""
    values = (before.overrides, before.inputs, before.forced)
    return (
        trace.places.isdisjoint(each.place for each in scope.chain)  # otherwise it is a cycle
        and len(scope.chain) + trace.height < DEEPEST
        and before.inherited.same(scope.inherited)
        and (
            values == (NOTHING, NOTHING, NOTHING) or repr(values) == repr((scope.overrides, scope.inputs, scope.forced))
        )
        and (
            before.unknown.patterns == scope.unknown.patterns
            or all((key in before.unknown) == (key in scope.unknown) for key in trace.consulted)
        )
    )
