"""What a script is resolved in, and the steps that have been resolved: equal surroundings give the same step."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from scriptgraph.manifest.types import NOTHING, Override, Values
from scriptgraph.manifest.versions import ANY_VERSION, VersionRange
from scriptgraph.planning.environment import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from scriptgraph.manifest.tags import Query
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Step

_T = TypeVar("_T")
# Far more than any workflow has, and less than what Python's stack holds.
DEEPEST = 100


class Unknown:
    """The keys that steps to come may still export, by patterns; asked so often that answers are kept."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = frozenset(patterns)
        self._wild = [pattern for pattern in self.patterns if not pattern.isidentifier()]
        self._answers: dict[str, bool] = {}

    def __contains__(self, key: str) -> bool:
        answer = self._answers.get(key)
        if answer is None:
            answer = key in self.patterns or any(fnmatchcase(key, pattern) for pattern in self._wild)
            self._answers[key] = answer
        return answer

    def and_also(self, patterns: Iterable[str]) -> Unknown:
        """Return these with more patterns; self where there are none."""
        return self if self.patterns.issuperset(patterns) else Unknown(self.patterns.union(patterns))


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
    unknown: Unknown = Unknown()

    def __init__(self, inherited: Environment, resolved: ResolvedSteps, **more: Any) -> None:
        vars(self).update(more, inherited=inherited, resolved=resolved)

    def replaced(self, **named: Any) -> Scope:
        """Return the same with other values of some attributes."""
        return Scope(**{**vars(self), **named})

    def may_change(self, env: Environment) -> Callable[[str], bool]:
        """Return the test whether a key of an environment may still change, or what its value is made of.

        An export to come wins unless a higher layer has spoken.
        """
        unknown, note = self.unknown, self.resolved.note_question
        steady = env.above(Layer.DEPENDENCY)

        def changes(key: str) -> bool:
            note(key)
            return key in unknown and key not in steady

        if not env.placeholders():
            return changes
        return lambda key: any(changes(each) for each in {key, *env.made_of(env.get(key))})


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
        self._outlines: dict[Hashable, Any] = {}
        self._known: dict[Hashable, list[tuple[Scope, Step, _Resolving]]] = {}
        self._open = [_Resolving()]

    def note_question(self, key: str) -> None:
        """Note that what is being resolved depends on whether a key may still be exported."""
        self._open[-1].asked.add(key)

    def outline(self, manifest: Manifest, query: Query, versions: VersionRange, make: Callable[[], _T]) -> _T:
        """Return what was made of a script and what is asked of it before, whatever its surroundings; or make it."""
        asked = (manifest.alias, query.variations, query.without, str(versions))
        if asked not in self._outlines:
            self._outlines[asked] = make()
        outline: _T = self._outlines[asked]
        return outline

    def step(self, manifest: Manifest, query: Query, scope: Scope, resolve: Callable[[], Step]) -> Step:
        """Return the step that was resolved in the same surroundings before, or resolve it."""
        asked = (manifest.alias, query.variations, query.without, str(scope.versions), scope.inherited.signature())
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
