"""Plan + cache -> what a run would do: what is kept already, what is made, what is downloaded; nothing is changed.

The walk is the executor's: what a cached entry exports is known, what a step exports that has yet to run is not, and
what stands on it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.context import Context, Folders
from scriptgraph.execution.loader import has_code, hook_of
from scriptgraph.execution.step_identity import identity, leaving, start_of
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.planning.resolver import exports_of, layered, possible_exports, settle, unknown_test

if TYPE_CHECKING:
    from scriptgraph.execution.outcomes import Download
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.manifest.types import Values
    from scriptgraph.planning.plan import Need, Plan, Step

Status = Literal["cached", "make", "run", "pass", "again", "open"]
"""In the cache; to be made for the cache; to be run; has no work of its own; once in a run is enough; not known yet."""

Perform = Callable[["Step", Environment, list[str]], "Values | None"]
"""Runs a step and gives what leaves it; None where it is not to be run now."""


@dataclass
class Foreseen:
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
    below: list[Foreseen | Need] = field(default_factory=list)
    error: str = ""

    def deferred(self) -> list[Need]:
        """Give the dependencies here and below that an earlier step has yet to decide."""
        here = [child for child in self.below if not isinstance(child, Foreseen) and child.deferred]
        return [*here, *(need for child in self.below if isinstance(child, Foreseen) for need in child.deferred())]

    def all(self) -> list[Foreseen]:
        """Give this and what is below it, dependencies first."""
        return [*(each for child in self.below if isinstance(child, Foreseen) for each in child.all()), self]


@dataclass
class _Known:
    """What a step hands to its parent: exports that are known, patterns of those that are not, keys of entries."""

    exports: Values
    unknown: tuple[str, ...]
    keys: list[str]


def foresee(plan: Plan, runtime: Runtime, perform: Perform | None = None) -> Foreseen:
    """Look ahead; with `perform`, run what can be run on the way (for --prefetch).

    Raises:
        ScriptGraphError: a dependency that is settled only now selects nothing, or what was performed failed.
    """
    return _Survey(runtime, plan.root.manifest.alias, perform).visit(plan.root, plan.root.env, (), ())[0]


class _Survey:
    def __init__(self, runtime: Runtime, requested: str, perform: Perform | None) -> None:
        self.runtime, self.perform, self._requested = runtime, perform, requested
        self._seen: dict[str, _Known] = {}
        # By the step's identity, which the step in the entry keeps from being another's.
        self._visited: dict[int, list[tuple[Step, Environment, tuple[str, ...], Foreseen, _Known]]] = {}

    def visit(
        self, step: Step, inherited: Environment, chain: tuple[str, ...], around: tuple[str, ...]
    ) -> tuple[Foreseen, _Known]:
        """Look at a step and what is below it, once where several start it alike."""
        visited = self._visited.setdefault(id(step), [])
        for _, before, open_then, found, known in visited:
            if open_then == around and before.same(inherited):
                return Foreseen(step, "again", found.key), known
        found, known = self._look(step, inherited, chain, around)
        visited.append((step, inherited, around, found, known))
        return found, known

    def _look(
        self, step: Step, inherited: Environment, chain: tuple[str, ...], around: tuple[str, ...]
    ) -> tuple[Foreseen, _Known]:
        """Look at a step and what is below it; `around` has patterns of keys that are open where it starts."""
        found = Foreseen(step)
        chain = (*chain, step.manifest.alias)
        env = layered(step.manifest, step.variations, step.version, inherited)
        env, unknown, keys = self._needs(found, step.before, env, chain, around)
        known = self._own(found, env, unknown, keys)
        env = env.merged(known.exports, Layer.DEPENDENCY, step.manifest.alias)
        unknown = (*unknown, *known.unknown)
        env, unknown, _ = self._needs(found, step.after, env, chain, unknown)
        may_change = unknown_test(env, unknown)
        exports = {**leaving(step, env), **known.exports}
        # What was open around the step is open for its parent anyway.
        arisen = unknown[len(around) :]
        patterns = exports_of(step)
        still = tuple(each for each in arisen if matches_any(each, patterns))
        if any("*" in each for each in arisen):
            still = patterns
        sure = {key: value for key, value in exports.items() if not may_change(key)}
        return found, _Known(sure, still, known.keys)

    def _needs(
        self,
        found: Foreseen,
        needs: tuple[Need, ...],
        env: Environment,
        chain: tuple[str, ...],
        unknown: tuple[str, ...],
    ) -> tuple[Environment, tuple[str, ...], list[str]]:
        step, keys = found.step, list[str]()
        for need in needs:
            registry = self.runtime.registry
            settled = settle(need, step, env, registry, chain, unknown) if need.deferred else need
            if settled.step is None:
                found.below.append(settled)
                if settled.deferred:
                    unknown = (*unknown, *possible_exports(settled.dependency, registry))
                continue
            start = start_of(settled.step, env, step, need.dependency)
            # What the dependency is told in terms of keys that are open is open for it too.
            may_change = unknown_test(env, unknown)
            told = (key for key, value in need.dependency.env.items() if any(map(may_change, env.made_of(value))))
            child, known = self.visit(settled.step, start, chain, (*unknown, *told))
            found.below.append(child)
            env = env.merged(known.exports, Layer.DEPENDENCY, settled.step.manifest.alias)
            unknown = (*unknown, *known.unknown)
            keys += known.keys
        return env, unknown, keys

    def _own(self, found: Foreseen, env: Environment, unknown: tuple[str, ...], keys: list[str]) -> _Known:
        """Look at the step itself, without what is below it."""
        step = found.step
        may_change = unknown_test(env, unknown)
        found.waits_for = tuple(sorted(key for key in step.manifest.reads if may_change(key)))
        if not has_code(step.manifest) and not step.manifest.cache:
            found.status = "pass"
            return _Known({}, (), keys)
        if found.waits_for:
            found.downloads = self._downloads(step, env)
            return _Known({}, exports_of(step), keys)
        resolved = env.resolved()
        try:
            parts = identity(step, resolved, keys, self.runtime, self._fingerprint(step, resolved))
        except ScriptGraphError as error:
            found.error = str(error)
            return _Known({}, exports_of(step), keys)
        found.key = content_key(parts)
        if found.key in self._seen:
            found.status = "again"
            return self._seen[found.key]
        known = self._seen[found.key] = self._new(found, resolved, keys)
        return known

    def _new(self, found: Foreseen, env: Environment, keys: list[str]) -> _Known:
        step, key = found.step, str(found.key)
        below = [key] if step.manifest.cache else keys
        found_again = step.manifest.cache and not self.runtime.makes_anew(step.manifest.alias, self._requested)
        entry = self.runtime.cache.find(key) if found_again else None
        if entry is not None and self._holds(step, env.merged(entry.exports, Layer.OVERRIDE, "cache")):
            found.status = "cached"
            return _Known(entry.exports, (), below)
        found.status = "make" if step.manifest.cache else "run"
        found.downloads = self._downloads(step, env)
        exports = self.perform(step, env, keys) if self.perform else None
        return _Known({}, exports_of(step), below) if exports is None else _Known(exports, (), below)

    def _downloads(self, step: Step, env: Environment) -> tuple[Download, ...]:
        hook = hook_of(step.manifest, "downloads") if step.manifest.downloads else None
        try:
            return tuple(hook(self._context(step, env))) if hook else ()
        except ScriptGraphError:
            return ()  # it cannot tell before it runs, or it will fail and say why

    def _fingerprint(self, step: Step, env: Environment) -> str:
        hook = hook_of(step.manifest, "fingerprint")
        return str(hook(self._context(step, env))) if hook else ""

    def _holds(self, step: Step, env: Environment) -> bool:
        hook = hook_of(step.manifest, "verify")
        return bool(hook(self._context(step, env))) if hook else True

    def _context(self, step: Step, env: Environment) -> Context:
        """Give a hook its surroundings; it only looks, so the folders need not be there."""
        runtime = self.runtime
        places = Folders(
            output=runtime.run_folder / "output",
            partial=runtime.cache.root / "partial",
            state=runtime.state,
            log=runtime.run_folder / "logs" / "forecast.log",
            record=runtime.run_folder / "record.json",
        )
        read = {key for key in env if matches_any(key, exports_of(step))}
        return Context(
            step.manifest,
            env,
            places,
            runtime.switches,
            lambda kind, details: runtime.announce(kind, step.title, details),
            also_reads=read,
        )
