"""The requests of a foreign script to the run that it is part of: dependencies and scripts, at its present state."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from scriptgraph.execution.run_step import commands_of
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.planning.foreign import overridden
from scriptgraph.planning.plan import Need

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from scriptgraph.cache.store import Cache
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.execution.context import Context
    from scriptgraph.execution.record import StepRecord
    from scriptgraph.execution.traversal import Ready
    from scriptgraph.manifest.types import Dependency, Override, Values
    from scriptgraph.planning.plan import Step


RunForeign = Callable[["Step", "Context", "Nested"], "Values"]
"""Runs the code of a foreign script, and returns its exports."""


class Nested(Immutable):
    """What a foreign step may ask for.

    Attributes:
        ready: the step's state at its start.
        registry: all scripts.
        cache: the store of entries.
        keys: receives the cache keys of the steps that ran for it.
        requested: whether the user has asked for this script, and wants to see what it prints.
        paused: a context in which the step does not count as at work, while others run for it.
    """

    ready: Ready
    registry: Registry
    cache: Cache
    keys: list[str]
    requested: bool = False
    paused: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def env(self) -> Environment:
        """The step's environment at its start, with placeholders expanded."""
        return self.ready.env.resolved()

    def dependencies(
        self, phase: str, changed: Values, removed: Iterable[str], overrides: Mapping[str, Override] = NOTHING
    ) -> tuple[Environment, Environment]:
        """Run the dependencies of a phase, with overrides of some by name; see `run`."""
        needs = tuple(_overridden(each, overrides) for each in self.ready.step.within.get(phase, ()))
        return self.run(needs, changed, removed)

    def script(
        self, dependency: Dependency, changed: Values, removed: Iterable[str]
    ) -> tuple[Environment, Environment]:
        """Run a script that the step's code has chosen; see `run`."""
        return self.run((Need(dependency, waits_for=frozenset({"*"})),), changed, removed)

    def run(self, needs: tuple[Need, ...], changed: Values, removed: Iterable[str]) -> tuple[Environment, Environment]:
        """Run dependencies with the changes that the step has made, and return its environment before and after."""
        ready, alias = self.ready, self.ready.step.manifest.alias
        gone = frozenset((*changed, *removed))
        before = ready.env.without(gone).merged(changed, Layer.DEPENDENCY, alias)
        if not needs:
            return before, before
        visit: Any = ready.visit
        with self.paused():
            after = visit(ready._replace(env=before, below=[], keys=()), needs)
        self.keys.extend(after.keys)
        return before.resolved(), after.env.resolved()


def _overridden(need: Need, overrides: Mapping[str, Override]) -> Need:
    found = [overrides[name] for name in need.dependency.names if name in overrides]
    if not found:
        return need
    dependency = need.dependency
    for each in found:
        dependency = overridden(dependency, each)
    return Need(dependency, waits_for=frozenset({"*"}))


def run_foreign(run: RunForeign, step: Step, context: Context, nested: Nested, entry: StepRecord) -> Values:
    """Run a foreign step's code, and note it in the step's record.

    Raises:
        ScriptGraphError: the step, or one that it asked for, failed.
    """
    try:
        exports = run(step, context, nested)
    finally:
        entry.commands = commands_of(context)
    entry.status = "done"
    return exports
