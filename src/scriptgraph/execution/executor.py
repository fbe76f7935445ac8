"""Plan -> events -> Record: every effect of a run happens below `execute`."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.store import content_key
from scriptgraph.errors import ScriptGraphError
from scriptgraph.execution.context import Context, Folders
from scriptgraph.execution.independence import Independence
from scriptgraph.execution.loader import forget, has_code, hook_of
from scriptgraph.execution.parallelism import Floor, side_by_side
from scriptgraph.execution.record import Record, StepRecord, host_facts
from scriptgraph.execution.run_step import work
from scriptgraph.execution.step_identity import identity, leaving, start_of
from scriptgraph.immutable import Immutable
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.planning.plan import Plan
from scriptgraph.planning.resolver import layered, settle
from scriptgraph.process.interruption import Stopped, end_signals_raise, raise_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from scriptgraph.cache.store import Entry
    from scriptgraph.execution.preview import Foreseen
    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.manifest.types import Values
    from scriptgraph.planning.plan import Need, Step


class _Result(Immutable):
    """What came of a step: what leaves it, and the keys of the entries that it stands on."""

    exports: Values
    keys: tuple[str, ...]


def execute(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> Record:
    """Run a plan; the record is on disk whatever happens.

    Raises:
        ScriptGraphError: a step failed; the record says which, and the error where its log is.
    """
    with _recorded(plan, runtime, request) as record:
        result = _Walker(runtime, record, plan.root.manifest.alias).run(plan.root, plan.root.env, ())
        record.exports = dict(result.exports)
    return record


def prefetch(plan: Plan, runtime: Runtime, request: Mapping[str, Any]) -> tuple[Record, Foreseen]:
    """Make those steps of a plan that are kept in the cache, as far as they can be made before anything else runs.

    Raises:
        ScriptGraphError: a step failed, as in `execute`.
    """
    from scriptgraph.execution.preview import foresee  # noqa: PLC0415 - most commands run

    with _recorded(plan, runtime, request) as record:
        foreseen = foresee(plan, runtime, _Walker(runtime, record, plan.root.manifest.alias).make_if_kept)
    return record, foreseen


_WORTH_NOTING_NS = 1_000_000_000


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
        if record.end_ns - record.start_ns >= _WORTH_NOTING_NS:
            from scriptgraph.execution.durations import Durations  # noqa: PLC0415 - a short run has no step that it notes

            with suppress(OSError):  # what came of the run is no matter of what the next plan can tell
                Durations(runtime.state).note(record.steps)


_WAITING_FOR_ENTRY = "waiting for another run, which makes the same"


class _Walker:
    """Walks a plan depth first; equal steps of one run are run once."""

    def __init__(self, runtime: Runtime, record: Record, requested: str) -> None:
        self.runtime, self.record, self._requested = runtime, record, requested
        self._results: dict[str, _Result] = {}
        self._independence = Independence()
        self._numbers = count(1)  # steps, in the order in which they start
        self._making: dict[str, threading.Lock] = {}
        self._floor = Floor(runtime.state / "working.lock", self._wait_for_other_runs)
        # By the step's identity, which the step in the entry keeps from being another's.
        self._walked: dict[int, list[tuple[Step, Environment, _Result]]] = {}
        self._walking: dict[int, threading.Lock] = {}
        self._record_path = runtime.run_folder / "record.json"

    def run(self, step: Step, inherited: Environment, chain: tuple[str, ...]) -> _Result:
        """Run a step's dependencies, the step, and what comes after it; once, where several start it alike."""
        walked = self._walked.setdefault(id(step), [])
        # Of two that need the same step at once the second waits; a step holds only those below it, so this ends.
        with self._walking.setdefault(id(step), threading.Lock()):
            for _, before, result in walked:
                if before.same(inherited):
                    return result
            result = self._walk(step, inherited, chain)
            if not any(Plan(step).deferred()):  # what waits may be settled otherwise, or make a circle, elsewhere
                walked.append((step, inherited, result))
            return result

    def _walk(self, step: Step, inherited: Environment, chain: tuple[str, ...]) -> _Result:
        alias = step.manifest.alias
        try:
            env = layered(step.manifest, step.variations, step.version, inherited)
            env, keys = self._run_needs(step, step.before, env, (*chain, alias))
            result = self._run_once(step, env.resolved(), keys)
            env = env.merged(result.exports, Layer.DEPENDENCY, alias)
            env, _ = self._run_needs(step, step.after, env, (*chain, alias))
        except ScriptGraphError as error:
            raise error.within(alias)  # noqa: B904 - the same error, with its chain
        return _Result({**leaving(step, env), **result.exports}, result.keys)

    def make_if_kept(self, step: Step, env: Environment, keys: list[str]) -> Values | None:
        """Make a step's entry; of the others only what is pure runs, for what later steps have to know."""
        wanted = step.manifest.cache or step.manifest.pure
        return self._run_once(step, env, keys).exports if wanted else None

    def _run_needs(
        self, step: Step, needs: tuple[Need, ...], env: Environment, chain: tuple[str, ...]
    ) -> tuple[Environment, list[str]]:
        """Run dependencies, those that do not depend on each other side by side.

        Each starts with what those before it have exported that had to run first, so the outcome is that of one after
        another.
        """
        after = self._independence.waits_for(needs)
        done: dict[int, tuple[str, _Result]] = {}
        failed: dict[int, ScriptGraphError] = {}

        def call(number: int) -> None:
            need, before = needs[number], env
            for earlier in sorted(after[number] & done.keys()):
                before = before.merged(done[earlier][1].exports, Layer.DEPENDENCY, done[earlier][0])
            settled = settle(need, step, before, self.runtime.registry, chain) if need.deferred else need
            if settled.step is not None:
                try:
                    result = self.run(settled.step, start_of(settled.step, before, step, need.dependency), chain)
                except ScriptGraphError as error:
                    if not need.dependency.may_fail:
                        raise
                    failed[number] = error
                    return
                done[number] = (settled.step.manifest.alias, result)

        side_by_side([partial(call, number) for number in range(len(needs))], after)
        keys: list[str] = []
        for number in sorted(done):
            alias, result = done[number]
            env = env.merged(result.exports, Layer.DEPENDENCY, alias)
            keys += result.keys
        return env.merged(_failures(needs, failed), Layer.DEPENDENCY, step.manifest.alias), keys

    def _run_once(self, step: Step, env: Environment, dependency_keys: list[str]) -> _Result:
        entry = StepRecord(step.title, step.manifest.alias, step.version, start_ns=time.time_ns())
        with self._noting_failure(step, entry, self._log_of("fingerprints")):
            parts = identity(step, env, dependency_keys, self.runtime, self._fingerprint(step, env))
        key = content_key(parts)
        with self._making.setdefault(key, threading.Lock()):
            if key not in self._results:
                exports = self._run_recorded(step, env, entry, key, parts)
                # A step that is not kept hands on the keys of the entries below it.
                self._results[key] = _Result(exports, (key,) if step.manifest.cache else tuple(dependency_keys))
        return self._results[key]

    def _fingerprint(self, step: Step, env: Environment) -> str:
        """Let a script add what its inputs contain to its identity (`fingerprint`): the content of a user's file."""
        hook = hook_of(step.manifest, "fingerprint")
        run = self.runtime.run_folder
        return str(hook(self._context(step, env, run, run, self._log_of("fingerprints")))) if hook else ""

    def _run_recorded(
        self, step: Step, env: Environment, entry: StepRecord, key: str, parts: Mapping[str, Any]
    ) -> Values:
        raise_if_stopped()
        number = f"{next(self._numbers):02d}"
        log = self._log_of(f"{number}-{step.manifest.alias}")
        self.record.steps.append(entry)
        self._tell(step, "started", {})
        with self._noting_failure(step, entry, log):
            if step.manifest.cache:
                entry.cache_key = key
                exports = self._cached(step, env, entry, parts, log).exports
            else:
                output = self.runtime.run_folder / "output" / number
                output.mkdir(parents=True)
                context = self._context(step, env, output, self.runtime.cache.root / "partial" / key, log)
                exports = self._work(step, context, entry)
        entry.end_ns = time.time_ns()
        entry.exports = dict(exports)
        entry.log = str(log) if log.exists() else None
        seconds = (entry.end_ns - entry.start_ns) / 1e9
        self._tell(step, "finished", {"status": entry.status, "seconds": seconds, "reason": entry.reason})
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
            self._tell(step, "failed", {"reason": entry.reason})
            raise

    def _cached(self, step: Step, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key = self.runtime.cache, str(entry.cache_key)
        anew = self.runtime.makes_anew(entry.alias, self._requested)
        cache.locks.hold(key)
        found = None if anew else self._usable(step, env, cache.find(key), log)
        if found is None:
            with cache.lock(key, lambda: self._tell(step, "said", {"message": _WAITING_FOR_ENTRY})):
                found = None if anew else self._usable(step, env, cache.find(key), log)
                if found is None:
                    return self._make(step, env, entry, parts, log)
        entry.status = "cached"
        return found

    def _usable(self, step: Step, env: Environment, found: Entry | None, log: Path) -> Entry | None:
        """Let the script check a hit, where it has a way to (`verify`)."""
        verify = hook_of(step.manifest, "verify") if found else None
        if found is None or verify is None:
            return found
        checked = env.merged(found.exports, Layer.OVERRIDE, "cache")
        # The script looks at what it exported then, which it does not read otherwise.
        partial = self.runtime.cache.root / "partial"
        context = self._context(step, checked, found.content, partial, log, also_reads=found.exports)
        return found if verify(context) else None

    def _make(self, step: Step, env: Environment, entry: StepRecord, parts: Mapping[str, Any], log: Path) -> Entry:
        cache, key = self.runtime.cache, str(entry.cache_key)
        damage = cache.damage(key) if self.runtime.anew == "none" else ""
        if damage:
            self._tell(step, "warned", {"message": f"what was kept is damaged and is made again: {damage}"})
        with cache.making(key) as content:
            exports = self._work(step, self._context(step, env, content, cache.partial(key), log), entry)
            meta = {"alias": step.manifest.alias, "title": step.title, "tags": step.manifest.tags}
            return cache.publish(key, content, exports, {**meta, "made_ns": time.time_ns(), "parts": parts})

    def _work(self, step: Step, context: Context, entry: StepRecord) -> Values:
        """Let a step work: alone if it measures, else beside others; one without code has nothing to do."""
        if not has_code(step.manifest):
            return work(step, context, entry)
        with self._floor.alone() if step.manifest.measures else self._floor.shared(kept=step.manifest.cache):
            return work(step, context, entry)

    def _wait_for_other_runs(self) -> None:
        self.runtime.announce(
            "said",
            "waiting",
            {"message": "waiting until another run has measured or made what it makes: what measures runs alone"},
        )

    def _context(
        self, step: Step, env: Environment, output: Path, partial: Path, log: Path, also_reads: Iterable[str] = ()
    ) -> Context:
        folders = Folders(output, partial, self.runtime.state, log, self._record_path)
        return Context(
            step.manifest,
            env,
            folders,
            self.runtime.switches,
            lambda kind, details: self._tell(step, kind, details),
            also_reads=also_reads,
        )

    def _log_of(self, name: str) -> Path:
        return self.runtime.run_folder / "logs" / f"{name}.log"

    def _tell(self, step: Step, kind: str, details: Mapping[str, Any]) -> None:
        if kind == "progressed":
            raise_if_stopped()
        self.runtime.announce(kind, step.title, details)


def _failures(needs: tuple[Need, ...], failed: Mapping[int, ScriptGraphError]) -> Values:
    """Give a line for each dependency that was allowed to fail and did, by the key that its manifest names.

    It begins with what the dependency sets, which tells it from others like it.
    """
    lines: dict[str, list[str]] = {}
    for number in sorted(failed):
        dependency = needs[number].dependency
        own = " ".join(str(value) for value in dependency.env.values())
        told = failed[number].report()
        lines.setdefault(dependency.may_fail, []).append(f"{own}: {told}" if own else told)
    return {key: "\n".join(each) for key, each in lines.items()}


def reason_of(error: BaseException) -> str:
    """Say in a line why something ended."""
    if isinstance(error, ScriptGraphError):
        return str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted"
    if isinstance(error, Stopped):
        return "stopped, because another step failed or the run was interrupted"
    return f"{type(error).__name__}: {error}"
