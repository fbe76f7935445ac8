"""Plan -> events -> Record: every effect of a run happens below `execute`."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.parallelism import Floor
from scriptgraph.execution.record import Durations, Record, StepRecord, host_facts
from scriptgraph.execution.run_step import forget, has_code, work
from scriptgraph.execution.runtime import Surroundings
from scriptgraph.execution.traversal import Result, Traversal
from scriptgraph.process.interruption import Stopped, end_signals_raise, raise_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scriptgraph.cache.store import Entry
    from scriptgraph.execution.context import Context
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.execution.traversal import Foreseen, Ready
    from scriptgraph.manifest.types import Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Plan, Step


def execute(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> Record:
    """Run a plan; the record is on disk whatever happens.

    Raises:
        ScriptGraphError: a step failed; the record says which, and the error where its log is.
    """
    with _recorded(plan, runtime, request) as record:
        handler = Execute(runtime, plan.root.manifest.alias, record)
        result = Traversal(runtime.registry, handler).visit(plan.root, plan.root.env)
        record.exports = dict(result.exports)
    return record


def prefetch(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> tuple[Record, Foreseen]:
    """Make those steps of a plan that are kept in the cache, as far as they can be made before anything else runs.

    Raises:
        ScriptGraphError: a step failed, as in `execute`.
    """
    from scriptgraph.execution.preview import foresee  # noqa: PLC0415 - most commands run

    with _recorded(plan, runtime, request) as record:
        handler = Execute(runtime, plan.root.manifest.alias, record)

        def make_if_kept(ready: Ready) -> Result | None:
            # Of the others only what is pure runs, for what later steps have to know.
            wanted = ready.step.manifest.cache or ready.step.manifest.pure
            return handler.handle(ready) if wanted else None

        foreseen = foresee(plan, runtime, make_if_kept)
    return record, foreseen


@contextmanager
def _recorded(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> Iterator[Record]:
    """Keep the record of what happens inside, whatever it is."""
    forget()
    record = Record(runtime.product.schema("record"), plan.fingerprint, request, start_ns=time.time_ns())
    record.host, record.plan = dict(host_facts(runtime.product.packages)), plan.summary()
    path = runtime.run_folder / "record.json"
    record.write(path)
    try:
        with end_signals_raise():
            yield record
        record.status = "done"
    except BaseException as error:
        record.status = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
        record.error = error.report() if isinstance(error, ScriptGraphError) else reason_of(error)
        raise
    finally:
        record.end_ns = time.time_ns()
        # What ended the run is told, not that of this there was no room for a record either.
        with nullcontext() if record.status == "done" else suppress(OSError):
            record.write(path)
        runtime.cache.locks.release()
        with suppress(OSError):  # what came of the run is no matter of what the next plan can tell
            Durations(runtime.state).note(record.steps)


class Execute(Surroundings):
    """Runs steps, or takes their entries from the cache; equal steps of one run are run once."""

    ahead = False

    def __init__(self, runtime: Runtime, requested: str, record: Record) -> None:
        super().__init__(runtime, requested)
        self.record = record
        self._results: dict[str, Result] = {}
        self._numbers = count(1)  # steps, in the order in which they start
        self._making: dict[str, threading.Lock] = {}
        message = "waiting until another run has measured or made what it makes: what measures runs alone"
        self._floor = Floor(
            runtime.state / "working.lock", lambda: runtime.announce("said", "waiting", {"message": message})
        )

    def handle(self, ready: Ready) -> Result:
        """Run the step, once in this run.

        Raises:
            ScriptGraphError: it failed.
        """
        step, manifest, env = ready.step, ready.step.manifest, ready.env.resolved()
        entry = StepRecord(step.title, manifest.alias, step.version, start_ns=time.time_ns())
        with self._noting_failure(step, entry, self.log_of("fingerprints")):
            parts = self.identity(step, env, ready.keys)
        key = content_key(parts)
        with self._making.setdefault(key, threading.Lock()):
            if key not in self._results:
                exports = self._run_recorded(step, env, entry, key, parts)
                # A step that is not kept hands on the keys of the entries below it.
                self._results[key] = Result(manifest.alias, exports, (key,) if manifest.cache else ready.keys)
        return self._results[key]

    def _run_recorded(
        self, step: Step, env: Environment, entry: StepRecord, key: str, parts: Mapping[str, Any]
    ) -> Values:
        raise_if_stopped()
        number = f"{next(self._numbers):02d}"
        log = self.log_of(f"{number}-{step.manifest.alias}")
        self.record.steps.append(entry)
        self.tell(step, "started", {})
        with self._noting_failure(step, entry, log):
            if step.manifest.cache:
                entry.cache_key = key
                exports = self._cached(step, env, entry, parts, log).exports
            else:
                output = self.runtime.run_folder / "output" / number
                output.mkdir(parents=True)
                partial = self.runtime.cache.root / "partial" / key
                exports = self._work(step, self.context(step, env, output=output, unfinished=partial, log=log), entry)
        entry.end_ns = time.time_ns()
        entry.exports = dict(exports)
        entry.log = str(log) if log.exists() else None
        seconds = (entry.end_ns - entry.start_ns) / 1e9
        self.tell(step, "finished", {"status": entry.status, "seconds": seconds, "reason": entry.reason})
        return exports

    @contextmanager
    def _noting_failure(self, step: Step, entry: StepRecord, log: Path) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            entry.end_ns = time.time_ns()
            entry.status, entry.reason = "failed", reason_of(error)
            entry.log = str(log) if log.exists() else None
            if entry not in self.record.steps:
                self.record.steps.append(entry)
            if isinstance(error, ScriptGraphError) and error.log is None and log.exists():
                error.log = log
            self.tell(step, "failed", {"reason": entry.reason})
            raise

    def _cached(self, step: Step, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key = self.runtime.cache, str(entry.cache_key)
        cache.locks.hold(key)
        found = self.usable(step, env, key, log)
        if found is None:
            message = "waiting for another run, which makes the same"
            with cache.locks.making(key, lambda: self.tell(step, "said", {"message": message})):
                found = self.usable(step, env, key, log)
                if found is None:
                    return self._make(step, env, entry, parts, log)
        entry.status = "cached"
        return found

    def _make(self, step: Step, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key = self.runtime.cache, str(entry.cache_key)
        damage = cache.damage(key) if self.runtime.anew == "none" else ""
        if damage:
            self.tell(step, "warned", {"message": f"what was kept is damaged and is made again: {damage}"})
        with cache.making(key) as content:
            context = self.context(step, env, output=content, unfinished=cache.partial(key), log=log)
            exports = self._work(step, context, entry)
            meta = {"alias": step.manifest.alias, "title": step.title, "tags": step.manifest.tags}
            return cache.publish(key, content, exports, {**meta, "made_ns": time.time_ns(), "parts": parts})

    def _work(self, step: Step, context: Context, entry: StepRecord) -> Values:
        """Let a step work: alone if it measures, else beside others; one without code has nothing to do."""
        if not has_code(step.manifest):
            return work(step, context, entry)
        with self._floor.alone() if step.manifest.measures else self._floor.shared(kept=step.manifest.cache):
            return work(step, context, entry)


def reason_of(error: BaseException) -> str:
    """Say in a line why something ended."""
    if isinstance(error, ScriptGraphError):
        return str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted"
    if isinstance(error, Stopped):
        return "stopped, because another step failed or the run was interrupted"
    return f"{type(error).__name__}: {error}"
