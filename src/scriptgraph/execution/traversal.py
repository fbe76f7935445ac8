"""Traverse a plan: each step's dependencies, the step, and its post-dependencies; a handler does the work.

The traversal owns the order, parallelism, the sharing of equal steps, the settling of deferred dependencies, and the
flow of the environment from dependencies to their dependants.
"""

from __future__ import annotations

import threading
from functools import partial, reduce
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.side_by_side.parallelism import Ordering, side_by_side
from scriptgraph.manifest.types import NOTHING
from scriptgraph.planning.environment import NOTHING_UNKNOWN, Layer, Unknown
from scriptgraph.planning.plan import Plan
from scriptgraph.planning.resolver import hand_down, layered, possible_exports, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.execution.run_step import Download, StepEstimate
    from scriptgraph.manifest.types import Manifest, Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Need, Step

# In the cache; to be made for the cache; to be run; has no code; handled earlier in the run; unknown yet.
Status = Literal["cached", "make", "run", "pass", "again", "open"]


class StepPreview(NamedTuple):
    """The preview of one step.

    Attributes:
        waits_for: the keys that an earlier step has yet to export.
        below: its dependencies in their order; those that are deferred or skipped as needs.
        error: the reason why it cannot be previewed, such as a missing file of the user.
        row: the table row that it is for.
    """

    step: Step
    status: Status = "open"
    key: str | None = None
    waits_for: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()
    below: Sequence[StepPreview | Need] = ()
    error: str = ""
    estimate: StepEstimate | None = None
    row: TableRow | None = None

    def deferred(self) -> list[Need]:
        """Return the deferred dependencies of this step and of those below it."""
        here = [child for child in self.below if not isinstance(child, StepPreview) and child.waits_for]
        return [*here, *(need for child in self.below if isinstance(child, StepPreview) for need in child.deferred())]

    def all(self) -> list[StepPreview]:
        """Return this preview and those below it, dependencies first."""
        return [*(each for child in self.below if isinstance(child, StepPreview) for each in child.all()), self]


class Result(NamedTuple):
    """The result of a step: its exports, cache keys, and patterns of keys that it may still export."""

    alias: str
    exports: Values = NOTHING
    keys: tuple[str, ...] = ()
    unknown: Iterable[str] = ()
    seen: StepPreview | Need | None = None

    @property
    def runs(self) -> bool:
        """Whether the step of a preview would run."""
        return isinstance(self.seen, StepPreview) and self.seen.status not in {"cached", "again"}

    def again(self, step: Step) -> Result:
        """Return the result for a step that was handled before."""
        seen = self.seen
        return self._replace(seen=StepPreview(step, "again", seen.key)) if isinstance(seen, StepPreview) else self


class Ready(NamedTuple):
    """The state of a step when it, or one of its dependencies, is handled.

    Attributes:
        env: the step's current environment, with placeholders not yet expanded.
        unknown: the keys that earlier steps have yet to export; none in a run.
        keys: the keys of the cache entries that the step depends on.
        below: the previews of its dependencies; those of post-dependencies are added later.
        visit: visits further dependencies of a foreign step while it runs, and returns the state after them.
    """

    step: Step
    env: Environment
    unknown: Unknown
    keys: tuple[str, ...]
    below: list[StepPreview | Need]
    visit: Callable[[Ready, tuple[Need, ...]], Ready] | None = None

    def after(self, result: Result | None) -> Ready:
        """Return the state after the result of a dependency or of the step itself; self after None."""
        if result is None:
            return self
        env = self.env.merged(result.exports, Layer.DEPENDENCY, result.alias) if result.exports else self.env
        unknown = self.unknown.and_also(result.unknown) if result.unknown else self.unknown
        return Ready(self.step, env, unknown, self.keys + result.keys, self.below, self.visit)


class TableRow(NamedTuple):
    """A table row whose work is done: its number among the rows of this run, their count, and its label."""

    number: int
    total: int
    label: str

    def __str__(self) -> str:
        return f"{self.number} of {self.total}: {self.label}"


class Handler(Protocol):
    """The work to do with each step.

    Attributes:
        previewing: whether steps are only previewed, one after another and once each.
    """

    previewing: bool

    def handle(self, ready: Ready) -> Result:
        """Do the work of one step, without those below it; called from several threads."""

    def row(self, row: TableRow) -> AbstractContextManager[None]:
        """Return a context for the work of a table row."""


class Traversal:
    """Visits a plan depth first; steps with equal environments are handled once."""

    def __init__(self, registry: Registry, handler: Handler) -> None:
        self._registry, self._handler, self._ordering = registry, handler, Ordering()
        # By the step's id; the step in the entry keeps its id from being reused.
        self._visited: dict[int, list[tuple[Step, Environment, Unknown, Result]]] = {}
        self._visiting: dict[int, threading.Lock] = {}

    def visit(
        self, step: Step, inherited: Environment, chain: tuple[Manifest, ...] = (), around: Unknown = NOTHING_UNKNOWN
    ) -> Result:
        """Visit a step's dependencies, the step, and its post-dependencies.

        Args:
            step: the step.
            inherited: its initial environment.
            chain: the scripts of the steps above it.
            around: the keys that are unknown at its start.

        Raises:
            ScriptGraphError: a step failed, or a deferred dependency selects no script.
        """
        visited = self._visited.setdefault(id(step), [])
        # Of two threads that visit the same step, the second waits. Locks are taken downwards only, so none deadlocks.
        with self._visiting.setdefault(id(step), threading.Lock()):
            for _, before, open_before, result in visited:
                if open_before.patterns == around.patterns and before.same(inherited):
                    return result.again(step)
            try:
                result = self._through(step, inherited, (*chain, step.manifest), around)
            except ScriptGraphError as error:
                raise error.within(step.manifest.alias)  # noqa: B904 - the same error, with its chain
            # In a run, a deferred dependency may be settled differently elsewhere, or form a cycle.
            if self._handler.previewing or not Plan(step).deferred():
                visited.append((step, inherited, around, result))
            return result

    def _through(self, step: Step, inherited: Environment, chain: tuple[Manifest, ...], around: Unknown) -> Result:
        env = layered(step.manifest, step.variations, step.version, inherited)
        visit = (lambda start, needs: self._needs(start, needs, chain)) if step.manifest.foreign is not None else None
        ready = self._needs(Ready(step, env, around, (), [], visit), step.before, chain)
        own = self._handler.handle(ready)
        ready = ready.after(own)
        if self._handler.previewing and step.manifest.foreign is not None and own.runs:
            # A run visits them when the script asks for them; its code may have set every key that it names by then.
            ready = ready._replace(unknown=ready.unknown.and_also(step.manifest.foreign.sets))
            ready = self._needs(ready, step.within_needs, chain)
        ready = self._needs(ready, step.after, chain)
        env, unknown = ready.env, ready.unknown
        exports = {**env.exported(step.exports), **own.exports}
        if not unknown.patterns:
            return own._replace(exports=exports)
        changing = env.changing(exports, unknown)
        # Keys that were unknown around the step are unknown to its parent anyway.
        arisen = unknown.patterns - around.patterns
        everything = any("*" in each for each in arisen)
        still = step.exports if everything else Unknown(step.exports).among(arisen)
        sure = {key: value for key, value in exports.items() if key not in changing}
        return own._replace(exports=sure, unknown=still)

    def _needs(self, start: Ready, needs: tuple[Need, ...], chain: tuple[Manifest, ...]) -> Ready:
        """Visit dependencies; in a run, independent ones at the same time.

        Each starts with the exports of those that it must wait for, so the result equals that of a sequence.
        """
        if self._handler.previewing:
            after = [frozenset(range(number)) for number in range(len(needs))]
        else:
            after = self._ordering.waits_for(needs)
        done: dict[int, Result] = {}
        failed: dict[int, ScriptGraphError] = {}
        rows = _rows(needs)
        reached = [start]  # the state after this many dependencies

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
                # A row that a condition has just ruled out is nobody's work.
                if number not in rows or need.step is None:
                    done[number] = self._need(need, known, chain)
                    return
                with self._handler.row(rows[number]):
                    done[number] = _of_row(self._need(need, known, chain), rows[number])
            except ScriptGraphError as error:
                if not need.dependency.may_fail:
                    raise
                failed[number] = error

        run_all = _in_order if self._handler.previewing else side_by_side
        run_all([partial(call, number) for number in range(len(needs))], after)
        start.below.extend(seen for number in sorted(done) if (seen := done[number].seen) is not None)
        known = reach(len(needs))
        return known.after(Result(start.step.manifest.alias, _failures(needs, failed))) if failed else known

    def _need(self, need: Need, parent: Ready, chain: tuple[Manifest, ...]) -> Result:
        if need.step is None:
            may_come = possible_exports(need.dependency, parent.step.manifest, self._registry) if need.waits_for else ()
            return Result("", unknown=may_come, seen=need)
        # Values with placeholders of unknown keys are unknown to the dependency too.
        unknown = parent.env.unknown_below(need.dependency.env, parent.unknown)
        start = hand_down(parent.env.resolved(), parent.step.manifest, need.dependency)
        # The plan's values from options and `adr` go over inherited ones.
        start = start.with_layers_of(need.step.env, {Layer.INPUT, Layer.OVERRIDE}, need.step.manifest.alias)
        return self.visit(need.step, start, chain, unknown)


def _rows(needs: tuple[Need, ...]) -> dict[int, TableRow]:
    """Return the table rows among the dependencies that run, by the dependency's number."""
    found = [number for number, need in enumerate(needs) if need.dependency.row and (need.step or need.waits_for)]
    return {each: TableRow(place, len(found), needs[each].dependency.row) for place, each in enumerate(found, 1)}


def _of_row(result: Result, row: TableRow) -> Result:
    seen = result.seen
    return result._replace(seen=seen._replace(row=row)) if isinstance(seen, StepPreview) else result


def _in_order(calls: Sequence[Callable[[], None]], _after: object) -> None:
    for call in calls:
        call()


def _failures(needs: tuple[Need, ...], failed: Mapping[int, ScriptGraphError]) -> Values:
    """Return the failures of dependencies as JSON text, by the key that `may_fail` names."""
    by_key: dict[str, list[tuple[Values, ScriptGraphError]]] = {}
    for number in sorted(failed):
        dependency = needs[number].dependency
        by_key.setdefault(dependency.may_fail, []).append((dependency.env, failed[number]))
    from scriptgraph.execution.failures import failures_text  # noqa: PLC0415 - few runs have failures

    return {key: failures_text(each) for key, each in by_key.items()}
