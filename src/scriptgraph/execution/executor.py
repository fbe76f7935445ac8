"""Plan -> events -> Record: run a plan; all effects of a run happen within `execute`."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.durations import bounds_text
from scriptgraph.execution.nested import Nested, run_foreign
from scriptgraph.execution.record import Durations, Record, StepRecord, host_facts, without_credentials
from scriptgraph.execution.run_step import forget_imports, has_code, run_step
from scriptgraph.execution.runtime import PlanHandler
from scriptgraph.execution.side_by_side.parallelism import MeasurementLock
from scriptgraph.execution.side_by_side.working import Work
from scriptgraph.execution.traversal import Result, Traversal
from scriptgraph.files.digest_log import DigestLog
from scriptgraph.process.interruption import Stopped, end_signals_raise, raise_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scriptgraph.cache.store import Entry
    from scriptgraph.execution.before_run.forecast import Forecast
    from scriptgraph.execution.context import Context
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.execution.traversal import Ready, StepPreview, TableRow
    from scriptgraph.manifest.types import Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Plan, Step


def execute(plan: Plan, runtime: Runtime, request: Mapping[str, Any], forecast: Forecast | None = None) -> Record:
    """Run a plan; the record is written whatever happens. A forecast is corrected on the way, and recorded.

    Raises:
        ScriptGraphError: a step failed; the record names it, and the error has its log.
    """
    with _recorded(plan, runtime, request) as record:
        record.expected = forecast.as_document() if forecast else None
        handler = Execute(runtime, plan.root.manifest.alias, record, forecast)
        result = Traversal(runtime.registry, handler).visit(plan.root, plan.root.env)
        record.exports = dict(result.exports)
    return record


def prefetch(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> tuple[Record, StepPreview]:
    """Make the cached steps of a plan that depend on no uncached step, except pure ones.

    Raises:
        ScriptGraphError: a step failed, as in `execute`.
    """
    from scriptgraph.execution.before_run.preview import preview_plan  # noqa: PLC0415 - most commands need no preview

    with _recorded(plan, runtime, request) as record:
        handler = Execute(runtime, plan.root.manifest.alias, record)

        def run_cached(ready: Ready) -> Result | None:
            # Pure steps run too, because later steps need their exports.
            manifest = ready.step.manifest
            # A foreign step may ask for uncached ones while it runs.
            runs = (manifest.cache or manifest.pure) and manifest.foreign is None
            return handler.handle(ready) if runs else None

        preview = preview_plan(plan, runtime, run_cached)
    return record, preview


@contextmanager
def _recorded(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> Iterator[Record]:
    """Record the block, however it ends."""
    forget_imports()
    record = Record(runtime.product.schema("record"), plan.fingerprint, request, start_ns=time.time_ns())
    record.host, record.plan = dict(host_facts(runtime.product.packages)), plan.summary()
    path, written = runtime.run_folder / "record.json", DigestLog(runtime.state)
    record.write(path, written)
    try:
        with end_signals_raise():
            yield record
        record.status = "done"
    except BaseException as error:
        record.status = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
        record.error = error.report() if isinstance(error, ScriptGraphError) else failure_reason(error)
        raise
    finally:
        record.end_ns = time.time_ns()
        # The error that ended the run goes before a failure to write its record.
        with nullcontext() if record.status == "done" else suppress(OSError):
            record.write(path, written)
        runtime.cache.locks.release()
        with suppress(OSError):  # durations are only a convenience
            Durations(runtime.state).note(record.steps)


class _Job(NamedTuple):
    """A step to run, and what it may ask for while it runs, if it is foreign."""

    step: Step
    nested: Nested | None = None


class Execute(PlanHandler):
    """Runs steps, or uses their cache entries; equal steps of a run are run once."""

    previewing = False

    def __init__(self, runtime: Runtime, requested: str, record: Record, forecast: Forecast | None = None) -> None:
        super().__init__(runtime, requested)
        self.record, self._forecast = record, forecast
        self._results: dict[str, Result] = {}
        self._numbers = count(1)  # steps, in the order in which they start
        self._making: dict[str, threading.Lock] = {}
        self._measurement_lock = MeasurementLock(runtime.state / "working.lock", self._waiting)

    def handle(self, ready: Ready) -> Result:
        """Run the step, once in this run.

        Raises:
            ScriptGraphError: the step failed.
        """
        step, manifest, env = ready.step, ready.step.manifest, ready.env.resolved()
        entry = StepRecord(step.title, manifest.alias, step.version, start_ns=time.time_ns())
        with self._noting_failure(step, entry, self.log_of("fingerprints")):
            parts = self.identity(step, env, ready.keys)
        key = content_key(parts)
        with self._making.setdefault(key, threading.Lock()):
            if key not in self._results:
                below: list[str] = []
                exports = self._run_recorded(self._nested(ready, below), env, entry, key, parts)
                # An uncached step passes on the keys of the entries below it.
                keys = (key,) if manifest.cache else (*ready.keys, *below)
                self._results[key] = Result(manifest.alias, exports, keys)
        return self._results[key]

    def _nested(self, ready: Ready, keys: list[str]) -> _Job:
        if ready.step.manifest.foreign is None:
            return _Job(ready.step)
        requested = ready.step.manifest.alias == self._requested
        return _Job(ready.step, Nested(ready, self.runtime.registry, self.runtime.cache, keys, requested))

    def _run_recorded(
        self, job: _Job, env: Environment, entry: StepRecord, key: str, parts: Mapping[str, Any]
    ) -> Values:
        raise_if_stopped()
        step = job.step
        number = f"{next(self._numbers):02d}"
        log = self.log_of(f"{number}-{step.manifest.alias}")
        self.record.steps.append(entry)
        self.tell(step, "started", {})
        with self._noting_failure(step, entry, log):
            if step.manifest.cache:
                entry.cache_key = key
                exports = self._cached(job, env, entry, parts, log).exports
            else:
                output = self.runtime.run_folder / "output" / number
                output.mkdir(parents=True)
                partial = self.runtime.cache.root / "partial" / key
                exports = self._work(job, self.context(step, env, output=output, unfinished=partial, log=log), entry)
        entry.end_ns = time.time_ns()
        entry.exports = dict(exports)
        entry.log = str(log) if log.exists() else None
        seconds = (entry.end_ns - entry.start_ns) / 1e9
        if self._forecast is not None:
            after_s = (entry.end_ns - self.record.start_ns) / 1e9
            self._forecast.ended(step.title, seconds, done=entry.status == "done", after_s=after_s)
        self.tell(step, "finished", {"status": entry.status, "seconds": seconds, "reason": entry.reason})
        return exports

    @contextmanager
    def row(self, row: TableRow) -> Iterator[None]:
        """Announce the start and the end of a table row, with the expected duration of what is left."""
        started_ns, status = time.time_ns(), "failed"
        self.runtime.announce("row_started", row.label, {"number": row.number, "total": row.total})
        try:
            yield
            status = "done"
        finally:
            left = bounds_text(self._forecast.left()) if self._forecast and row.number < row.total else ""
            seconds = (time.time_ns() - started_ns) / 1e9
            details = {"number": row.number, "total": row.total, "status": status, "seconds": seconds, "left": left}
            self.runtime.announce("row_finished", row.label, details)

    def tell(self, step: Step, kind: str, details: Mapping[str, Any]) -> None:
        """Announce an event of a step, and record its message."""
        if "message" in details:
            entry = next((each for each in reversed(self.record.steps) if each.title == step.title), None)
            if entry is not None and kind != "printed":
                entry.messages.append(details["message"])
        super().tell(step, kind, details)

    @contextmanager
    def _noting_failure(self, step: Step, entry: StepRecord, log: Path) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            entry.end_ns = time.time_ns()
            entry.status, entry.reason = "failed", failure_reason(error)
            entry.log = str(log) if log.exists() else None
            if entry not in self.record.steps:
                self.record.steps.append(entry)
            if isinstance(error, ScriptGraphError) and error.log is None and log.exists():
                error.log = log
            self.tell(step, "failed", {"reason": entry.reason})
            raise

    def _cached(self, job: _Job, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key, step = self.runtime.cache, str(entry.cache_key), job.step
        cache.locks.hold(key)
        found = self.usable(step, env, key, log)
        if found is None:
            message = "waiting for another run that is making the same entry"
            with cache.locks.making(key, lambda: self.tell(step, "said", {"message": message})):
                found = self.usable(step, env, key, log)
                if found is None:
                    return self._make(job, env, entry, parts, log)
        entry.status = "cached"
        return found

    def _make(self, job: _Job, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key, step = self.runtime.cache, str(entry.cache_key), job.step
        damage = cache.damage(key) if self.runtime.rebuild == "none" else ""
        if damage:
            self.tell(step, "warned", {"message": f"the cache entry is damaged and is made again: {damage}"})
        self.tell(step, "making", {})
        # What foreign scripts install contains its own path.
        with cache.making(key) if job.nested is None else cache.in_place(key) as content:
            context = self.context(step, env, output=content, unfinished=cache.partial(key), log=log)
            exports = self._work(job, context, entry)
            meta: dict[str, Any] = {"alias": step.manifest.alias, "title": step.title, "tags": step.manifest.tags}
            if job.nested is not None:
                meta["verbatim"] = True  # "on" and "True" are different words to foreign scripts
            return cache.publish(key, content, exports, {**meta, "made_ns": time.time_ns(), "parts": parts})

    def _work(self, job: _Job, context: Context, entry: StepRecord) -> Values:
        """Run a step's code: alone if it measures, otherwise beside others."""
        step = job.step
        if self.runtime.switches.print_env:
            for key, value in sorted(context.declared_texts().items()):
                self.tell(step, "printed", {"message": without_credentials(f"  {key}={value}")})
        if not has_code(step.manifest):
            return run_step(step, context, entry)
        lock, manifest = self._measurement_lock, step.manifest
        expected = self._forecast.expected(step.title) if self._forecast is not None else None
        work = Work(self.runtime.switches.command_line, manifest.alias, bounds_text(expected) if expected else "")
        if job.nested is not None:
            return self._run_foreign(job, context, entry, work)
        with (
            lock.alone(work) if manifest.measures else lock.shared(work, lasting=manifest.cache and not manifest.light)
        ):
            return run_step(step, context, entry)

    def _run_foreign(self, job: _Job, context: Context, entry: StepRecord, work: Work) -> Values:
        """Run a foreign step's code; while other steps run for it, it does not count as at work."""
        lasting, holding = job.step.manifest.cache, ExitStack()

        @contextmanager
        def paused() -> Iterator[None]:
            holding.close()
            try:
                yield
            finally:
                holding.enter_context(self._measurement_lock.shared(work, lasting=lasting))

        assert job.nested is not None  # noqa: S101 - the caller's condition
        assert self.runtime.foreign is not None  # noqa: S101 - the registry has collections
        with holding:
            holding.enter_context(self._measurement_lock.shared(work, lasting=lasting))
            return run_foreign(self.runtime.foreign, job.step, context, job.nested.replaced(paused=paused), entry)

    def _waiting(self, others: str) -> None:
        message = f"a measurement runs alone: waiting for {others}"
        self.runtime.announce("said", "waiting", {"message": message, "lasts_s": inf})


def failure_reason(error: BaseException) -> str:
    """Return the reason of a failure or an interruption on one line."""
    if isinstance(error, ScriptGraphError):
        return str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted"
    if isinstance(error, Stopped):
        return "stopped because another step failed or the run was interrupted"
    return f"{type(error).__name__}: {error}"
