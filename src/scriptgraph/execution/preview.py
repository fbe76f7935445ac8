"""Plan + cache -> what a run would do: what is kept already, what is made, what is downloaded; nothing is changed.

What a cached entry exports is known, what a step exports that has yet to run is not, and what stands on it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.run_step import has_code, hook_of
from scriptgraph.execution.runtime import Runtime, Surroundings
from scriptgraph.execution.traversal import Foreseen, Ready, Result, Traversal

if TYPE_CHECKING:
    from scriptgraph.execution.run_step import Download
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Plan, Step

Perform = Callable[[Ready], "Result | None"]
"""Runs a step; None where it is not to be run now."""


def foresee(plan: Plan, runtime: Runtime, perform: Perform = lambda _ready: None) -> Foreseen:
    """Look ahead; with `perform`, run what can be run on the way (for --prefetch).

    Raises:
        ScriptGraphError: a dependency that is settled only now selects nothing, or what was performed failed.
    """
    preview = Preview(runtime, plan.root.manifest.alias, perform)
    seen = Traversal(runtime.registry, preview).visit(plan.root, plan.root.env).seen
    assert isinstance(seen, Foreseen)  # noqa: S101 - a preview sees each step
    return seen


class Preview(Surroundings):
    """Foresees steps, and hands on what it knows of their exports."""

    ahead = True

    def __init__(self, runtime: Runtime, requested: str, perform: Perform) -> None:
        super().__init__(runtime, requested)
        self._perform = perform
        self._known: dict[str, Result] = {}

    def handle(self, ready: Ready) -> Result:
        """Foresee the step itself, without what is below it."""
        step, manifest, below = ready.step, ready.step.manifest, ready.below
        waits_for = tuple(sorted(ready.env.changing(manifest.reads, ready.unknown))) if ready.unknown.patterns else ()
        if not has_code(manifest) and not manifest.cache:
            return Result(manifest.alias, {}, ready.keys, (), Foreseen(step, "pass", None, waits_for, below=below))
        if waits_for:
            downloads = self._downloads(step, ready.env)
            return self._open(ready, Foreseen(step, "open", None, waits_for, downloads, below))
        env = ready.env.resolved()
        try:
            key = content_key(self.identity(step, env, ready.keys))
        except ScriptGraphError as error:
            return self._open(ready, Foreseen(step, below=below, error=str(error)))
        if key not in self._known:
            self._known[key] = self._look(ready._replace(env=env), key)
            return self._known[key]
        return self._known[key]._replace(seen=Foreseen(step, "again", key, below=below))

    def _look(self, ready: Ready, key: str) -> Result:
        step, manifest, env = ready.step, ready.step.manifest, ready.env
        keys = (key,) if manifest.cache else ready.keys
        entry = self.usable(step, env, key) if manifest.cache else None
        if entry is not None:
            return Result(manifest.alias, entry.exports, keys, (), Foreseen(step, "cached", key, below=ready.below))
        downloads = self._downloads(step, env)
        seen = Foreseen(step, "make" if manifest.cache else "run", key, (), downloads, ready.below)
        result = self._perform(ready)
        return result._replace(seen=seen) if result else self._open(ready._replace(keys=keys), seen)

    def _open(self, ready: Ready, seen: Foreseen) -> Result:
        return Result(ready.step.manifest.alias, {}, ready.keys, ready.step.exports, seen)

    def _downloads(self, step: Step, env: Environment) -> tuple[Download, ...]:
        hook = hook_of(step.manifest, "downloads") if step.manifest.downloads else None
        if hook is None:
            return ()
        exported = env.exported(step.exports)
        try:
            return tuple(hook(self.context(step, env, also_reads=exported)))
        except ScriptGraphError:
            return ()  # it cannot tell before it runs, or it will fail and say why
