"""One way through a plan: a step's dependencies, the step itself, what comes after it; a handler does the work.

The traversal owns the order, what runs side by side, the sharing of equal steps, the settling of dependencies that an
earlier step decides, and the environment that flows from dependencies to what depends on them.
"""

from __future__ import annotations

import threading
from functools import partial, reduce
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.failures import failures_text
from scriptgraph.execution.parallelism import Independence, side_by_side
from scriptgraph.manifest.types import NOTHING
from scriptgraph.planning.environment import NOTHING_UNKNOWN, Layer, Unknown
from scriptgraph.planning.plan import Plan
from scriptgraph.planning.resolver import hand_down, layered, possible_exports, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.execution.run_step import Download
    from scriptgraph.manifest.types import Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Need, Step

# In the cache; to be made for the cache; to be run; has no work of its own; once in a run is enough; not known yet.
Status = Literal["cached", "make", "run", "pass", "again", "open"]


class Foreseen(NamedTuple):
    """What is known of one step before it runs.

    Attributes:
        waits_for: keys that an earlier step has yet to export.
        below: its dependencies, settled or not, in their order.
        error: why nothing can be said of it, for instance that a user's file is not there.
    """

    step: Step
    status: Status = "open"
    key: str | None = None
    waits_for: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()
    below: Sequence[Foreseen | Need] = ()
    error: str = ""

    def deferred(self) -> list[Need]:
        """Return the dependencies here and below that an earlier step has yet to decide."""
        here = [child for child in self.below if not isinstance(child, Foreseen) and child.waits_for]
        return [*here, *(need for child in self.below if isinstance(child, Foreseen) for need in child.deferred())]

    def all(self) -> list[Foreseen]:
        """Return this and what is below it, dependencies first."""
        return [*(each for child in self.below if isinstance(child, Foreseen) for each in child.all()), self]


class Result(NamedTuple):
    """What a step hands to its parent: exports, keys of entries, patterns of what it has yet to export."""

    alias: str
    exports: Values = NOTHING
    keys: tuple[str, ...] = ()
    unknown: Iterable[str] = ()
    seen: Foreseen | Need | None = None

    def again(self, step: Step) -> Result:
        """Return the result for a step that needs no second look."""
        seen = self.seen
        return self._replace(seen=Foreseen(step, "again", seen.key)) if isinstance(seen, Foreseen) else self


class Ready(NamedTuple):
    """A step, or one of its dependencies, whose turn it is: what is known there.

    Attributes:
        env: what the step has by then, placeholders not yet expanded.
        unknown: the keys that earlier steps have yet to export; none in a run.
        keys: the cache's entries that the step stands on.
        below: what handlers have seen of its dependencies; it grows by what comes after the step.
    """

    step: Step
    env: Environment
    unknown: Unknown
    keys: tuple[str, ...]
    below: list[Foreseen | Need]

    def after(self, result: Result | None) -> Ready:
        """Return what is known after a dependency, or the step itself; None where nothing came of it."""
        if result is None:
            return self
        env = self.env.merged(result.exports, Layer.DEPENDENCY, result.alias) if result.exports else self.env
        unknown = self.unknown.and_also(result.unknown) if result.unknown else self.unknown
        return Ready(self.step, env, unknown, self.keys + result.keys, self.below)


class Handler(Protocol):
    """What is done with a step.

    Attributes:
        ahead: whether steps are only looked at: one after another, and none twice.
    """

    ahead: bool

    def handle(self, ready: Ready) -> Result:
        """Do the step's own work, without what is below it; may be called by several threads."""


class Traversal:
    """Goes through a plan depth first; steps that several start alike are handled once."""

    def __init__(self, registry: Registry, handler: Handler) -> None:
        self._registry, self._handler, self._independence = registry, handler, Independence()
        # By the step's identity, which the step in the entry keeps from being another's.
        self._visited: dict[int, list[tuple[Step, Environment, Unknown, Result]]] = {}
        self._visiting: dict[int, threading.Lock] = {}

    def visit(
        self, step: Step, inherited: Environment, chain: tuple[str, ...] = (), around: Unknown = NOTHING_UNKNOWN
    ) -> Result:
        """Go through a step's dependencies, the step, and what comes after it.

        Args:
            step: the step.
            inherited: the environment in which it starts.
            chain: the aliases of the steps above it.
            around: the keys that are open where it starts.

        Raises:
            ScriptGraphError: a step failed, or a dependency that is settled only now selects nothing.
        """
        visited = self._visited.setdefault(id(step), [])
        # Of two that need the same step at once the second waits; a step holds only those below it, so this ends.
        with self._visiting.setdefault(id(step), threading.Lock()):
            for _, before, open_before, result in visited:
                if open_before.patterns == around.patterns and before.same(inherited):
                    return result.again(step)
            try:
                result = self._through(step, inherited, (*chain, step.manifest.alias), around)
            except ScriptGraphError as error:
                raise error.within(step.manifest.alias)  # noqa: B904 - the same error, with its chain
            # In a run, what waits may be settled otherwise, or make a circle, elsewhere.
            if self._handler.ahead or not Plan(step).deferred():
                visited.append((step, inherited, around, result))
            return result

    def _through(self, step: Step, inherited: Environment, chain: tuple[str, ...], around: Unknown) -> Result:
        env = layered(step.manifest, step.variations, step.version, inherited)
        ready = self._needs(Ready(step, env, around, (), []), step.before, chain)
        own = self._handler.handle(ready)
        ready = self._needs(ready.after(own), step.after, chain)
        env, unknown = ready.env, ready.unknown
        exports = {**env.exported(step.exports), **own.exports}
        if not unknown.patterns:
            return own._replace(exports=exports)
        changing = env.changing(exports, unknown)
        # What was open around the step is open for its parent anyway.
        arisen = unknown.patterns - around.patterns
        everything = any("*" in each for each in arisen)
        still = step.exports if everything else Unknown(step.exports).among(arisen)
        sure = {key: value for key, value in exports.items() if key not in changing}
        return own._replace(exports=sure, unknown=still)

    def _needs(self, start: Ready, needs: tuple[Need, ...], chain: tuple[str, ...]) -> Ready:
        """Visit dependencies, in a run those that do not depend on each other side by side.

        Each starts with what those before it have exported that had to run first, so the outcome is that of one after
        another.
        """
        if self._handler.ahead:
            after = [frozenset(range(number)) for number in range(len(needs))]
        else:
            after = self._independence.waits_for(needs)
        done: dict[int, Result] = {}
        failed: dict[int, ScriptGraphError] = {}
        reached = [start]  # what is known when so many are done

        def reach(number: int) -> Ready:
            while len(reached) <= number:
                reached.append(reached[-1].after(done.get(len(reached) - 1)))
            return reached[number]

        def call(number: int) -> None:
            if len(after[number]) == number:
                known = reach(number)
            else:
                known = reduce(Ready.after, [done[each] for each in sorted(after[number] & done.keys())], start)
            need = needs[number]
            if need.waits_for:
                need = settle(need, start.step, known.env, self._registry, chain, known.unknown)
            try:
                done[number] = self._need(need, known, chain)
            except ScriptGraphError as error:
                if not need.dependency.may_fail:
                    raise
                failed[number] = error

        side_by_side([partial(call, number) for number in range(len(needs))], after)
        start.below.extend(seen for number in sorted(done) if (seen := done[number].seen) is not None)
        known = reach(len(needs))
        return known.after(Result(start.step.manifest.alias, _failures(needs, failed))) if failed else known

    def _need(self, need: Need, parent: Ready, chain: tuple[str, ...]) -> Result:
        if need.step is None:
            may_come = possible_exports(need.dependency, self._registry) if need.waits_for else ()
            return Result("", unknown=may_come, seen=need)
        # What the dependency is told in terms of keys that are open is open for it too.
        unknown = parent.env.unknown_below(need.dependency.env, parent.unknown)
        start = hand_down(parent.env.resolved(), parent.step.manifest, need.dependency)
        # What the plan gave the step by options or `adr` lies over what it inherits.
        start = start.with_layers_of(need.step.env, {Layer.INPUT, Layer.OVERRIDE}, need.step.manifest.alias)
        return self.visit(need.step, start, chain, unknown)


def _failures(needs: tuple[Need, ...], failed: Mapping[int, ScriptGraphError]) -> Values:
    """Return the dependencies that were allowed to fail and did, as JSON text by the key that their manifest names."""
    by_key: dict[str, list[tuple[Values, ScriptGraphError]]] = {}
    for number in sorted(failed):
        dependency = needs[number].dependency
        by_key.setdefault(dependency.may_fail, []).append((dependency.env, failed[number]))
    return {key: failures_text(each) for key, each in by_key.items()}
