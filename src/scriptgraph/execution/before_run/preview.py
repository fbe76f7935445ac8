"""Plan + cache -> preview: the steps that a run would take from the cache, make or download; nothing is changed.

The exports of cached entries are known. Those of steps that have not run are unknown, and steps that need them wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.run_step import has_code, hook_of
from scriptgraph.execution.runtime import PlanHandler, Runtime
from scriptgraph.execution.traversal import Ready, Result, StepPreview, Traversal

if TYPE_CHECKING:
    from scriptgraph.execution.run_step import Download, StepEstimate
    from scriptgraph.execution.traversal import Status
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Plan, Step

Perform = Callable[[Ready], "Result | None"]
"""Runs a step and returns its result, or None if it does not run now."""


def preview_plan(plan: Plan, runtime: Runtime, perform: Perform = lambda _ready: None) -> StepPreview:
    """Preview a plan; `perform` may run steps during it, for --prefetch.

    Raises:
        ScriptGraphError: a deferred dependency selects no script, or a performed step failed.
    """
    preview = Preview(runtime, plan.root.manifest.alias, perform)
    seen = Traversal(runtime.registry, preview).visit(plan.root, plan.root.env).seen
    assert isinstance(seen, StepPreview)  # noqa: S101 - a preview sees each step
    return seen


class Preview(PlanHandler):
    """Previews steps, and passes on their known exports."""

    previewing = True

    def __init__(self, runtime: Runtime, requested: str, perform: Perform) -> None:
        super().__init__(runtime, requested)
        self._perform = perform
        self._known: dict[str, Result] = {}

    def handle(self, ready: Ready) -> Result:
        """Preview the step, without those below it."""
        step, manifest, below = ready.step, ready.step.manifest, ready.below
        waits_for = tuple(sorted(ready.env.changing(manifest.reads, ready.unknown))) if ready.unknown.patterns else ()
        if not has_code(manifest) and not manifest.cache:
            return Result(manifest.alias, {}, ready.keys, (), StepPreview(step, "pass", None, waits_for, below=below))
        if waits_for:
            downloads = self._downloads(step, ready.env)
            seen = StepPreview(step, "open", None, waits_for, downloads, below, estimate=self._estimate(ready))
            return self._open(ready, seen)
        env = ready.env.resolved()
        try:
            key = content_key(self.identity(step, env, ready.keys))
        except ScriptGraphError as error:
            return self._open(ready, StepPreview(step, below=below, error=str(error)))
        if key not in self._known:
            self._known[key] = self._look(ready._replace(env=env), key)
            return self._known[key]
        return self._known[key]._replace(seen=StepPreview(step, "again", key, below=below))

    def _look(self, ready: Ready, key: str) -> Result:
        step, manifest, env = ready.step, ready.step.manifest, ready.env
        keys = (key,) if manifest.cache else ready.keys
        entry = self.usable(step, env, key) if manifest.cache else None
        if entry is not None:
            return Result(manifest.alias, entry.exports, keys, (), StepPreview(step, "cached", key, below=ready.below))
        downloads = self._downloads(step, env)
        status: Status = "make" if manifest.cache else "run"
        seen = StepPreview(step, status, key, (), downloads, ready.below, estimate=self._estimate(ready))
        result = self._perform(ready)
        return result._replace(seen=seen) if result else self._open(ready._replace(keys=keys), seen)

    def _open(self, ready: Ready, seen: StepPreview) -> Result:
        return Result(ready.step.manifest.alias, {}, ready.keys, ready.step.exports, seen)

    def _estimate(self, ready: Ready) -> StepEstimate | None:
        """Return the step's estimate from the keys that are known; None if it has none."""
        step = ready.step
        hook = hook_of(step.manifest, "estimate") if step.manifest.estimates else None
        if hook is None:
            return None
        env = ready.env.resolved()
        known = env.without(ready.env.changing(step.manifest.reads, ready.unknown)) if ready.unknown.patterns else env
        try:
            found: StepEstimate | None = hook(self.context(step, known))
        except ScriptGraphError:
            return None  # the step will report the error
        return found

    def _downloads(self, step: Step, env: Environment) -> tuple[Download, ...]:
        hook = hook_of(step.manifest, "downloads") if step.manifest.downloads else None
        if hook is None:
            return ()
        exported = env.exported(step.exports)
        try:
            return tuple(hook(self.context(step, env, also_reads=exported)))
        except ScriptGraphError:
            return ()  # not known before the run, or the step will report the error
