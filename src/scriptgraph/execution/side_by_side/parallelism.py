"""Run independent steps at the same time, and measuring steps alone."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Generic, TypeVar

from scriptgraph.execution.run_step import has_code
from scriptgraph.execution.side_by_side.working import noted, others_at_work
from scriptgraph.files import locks
from scriptgraph.process.interruption import Stop, Stopped, raise_if_stopped, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.execution.side_by_side.working import Work
    from scriptgraph.planning.plan import Need, Step

Result = TypeVar("Result")

# More steps at once would only share the same network and cores.
MOST = 8
# The interval at which the lock file is tried.
_POLL_S = 0.1
_EVERYTHING = frozenset({"*"})


class Ordering:
    """Determines which dependencies must wait for which; each step of a plan is analysed once."""

    def __init__(self) -> None:
        # By the step's id; the step in the entry keeps its id from being reused.
        self._keys: dict[int, tuple[Step, frozenset[str]]] = {}
        self._acting: dict[int, tuple[Step, bool]] = {}

    def waits_for(self, needs: Sequence[Need]) -> list[frozenset[int]]:
        """Return for each dependency the numbers of the earlier ones that must run first.

        A deferred dependency may become any script, and a script that is neither cached nor pure may have side effects.
        Each of these waits for all before it, and all after it wait for it.
        """
        if len(needs) <= 1:
            return [frozenset()] * len(needs)
        exports: list[Iterable[str]] = [
            _EVERYTHING if need.waits_for else need.step.exports if need.step else () for need in needs
        ]
        touches = [self._touches(need) for need in needs]
        acts = [bool(need.waits_for) or (need.step is not None and self._acts(need.step)) for need in needs]
        return [
            frozenset(
                earlier
                for earlier in range(number)
                if acts[earlier] or acts[number] or _meet(exports[earlier], touches[number])
            )
            for number in range(len(needs))
        ]

    def _acts(self, step: Step) -> bool:
        """Whether a step, or one below it, may have side effects."""
        if id(step) not in self._acting:
            own = has_code(step.manifest) and not (step.manifest.cache or step.manifest.pure)
            below = (bool(need.waits_for) or (need.step is not None and self._acts(need.step)) for need in step.needs())
            self._acting[id(step)] = (step, own or any(below))
        return self._acting[id(step)][1]

    def _touches(self, need: Need) -> frozenset[str]:
        """Return the keys that a dependency gets, and that it and all steps below it read, depend on, or export."""
        if need.step is None:
            return _EVERYTHING if need.waits_for else frozenset()
        step = need.step
        if id(step) not in self._keys:
            found = frozenset({*step.manifest.reads, *step.manifest.deciding_keys, *step.exports})
            found = found.union(*(self._touches(each) for each in step.needs()))
            self._keys[id(step)] = (step, _EVERYTHING if "*" in found else found)
        return self._keys[id(step)][1].union(*map(step.env.made_of, need.dependency.env.values()))


def _meet(exports: Iterable[str], keys: frozenset[str]) -> bool:
    """Whether a key may match a pattern of each; of two patterns with `*`, the texts before it are compared."""
    if not keys.isdisjoint(exports):
        return True
    for export, key in product(exports, keys):
        if "*" in export and "*" in key:
            heads = (export.partition("*")[0], key.partition("*")[0])
            meet = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
        else:
            meet = fnmatchcase(export, key) if "*" in key else fnmatchcase(key, export)
        if meet:
            return True
    return False


def side_by_side(calls: Sequence[Callable[[], Result]], after: Sequence[frozenset[int]]) -> list[Result]:
    """Run calls in threads, each as soon as the calls before it in `after` have returned.

    A call that runs alone runs in this thread. After a failure no further call starts, running calls are stopped, and
    the first failure in the order of `calls` is raised.

    Args:
        calls: the calls.
        after: for each call the numbers of the earlier calls that must have returned.

    Returns:
        The results, in the order of `calls`.
    """
    if all(len(each) == number for number, each in enumerate(after)):
        return [call() for call in calls]
    return _Group(calls, after).run()


class _Group(Generic[Result]):
    def __init__(self, calls: Sequence[Callable[[], Result]], after: Sequence[frozenset[int]]) -> None:
        self.calls, self.after = calls, after
        self.results: dict[int, Result] = {}
        self.failures: dict[int, BaseException] = {}
        self._stop = Stop()
        self._ended: deque[int] = deque()
        self._any_ended = threading.Semaphore(0)
        self._running: dict[int, threading.Thread] = {}

    def run(self) -> list[Result]:
        try:
            while self._start_ready() or self._running:
                self._any_ended.acquire()
                number = self._ended.popleft()
                self._running.pop(number).join()
                if number in self.failures:
                    self._stop.set()
        except BaseException:
            # After Ctrl-C or a signal, running calls end their programs first.
            self._stop.set()
            for thread in self._running.values():
                thread.join()
            raise
        if self.failures:
            failures = [self.failures[number] for number in sorted(self.failures)]
            # The failure that stopped the others, not those that were stopped.
            raise next((each for each in failures if not isinstance(each, Stopped)), failures[0])
        return [self.results[number] for number in range(len(self.calls))]

    def _start_ready(self) -> bool:
        """Start the calls that can start; make a single call here if nothing else runs."""
        while not self._stop.is_set():
            waiting = set(range(len(self.calls))).difference(self.results, self.failures, self._running)
            ready = [number for number in sorted(waiting) if self.after[number] <= self.results.keys()]
            if not ready or len(self._running) >= MOST:
                return bool(self._running)
            if len(ready) == 1 and not self._running:
                self.results[ready[0]] = self.calls[ready[0]]()
                continue
            target = contextvars.copy_context().run
            thread = threading.Thread(target=target, args=(self._call, ready[0]), daemon=True)
            self._running[ready[0]] = thread
            thread.start()
        return bool(self._running)

    def _call(self, number: int) -> None:
        try:
            with stopping(self._stop):
                self.results[number] = self.calls[number]()
        except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
            self.failures[number] = error
        finally:
            self._ended.append(number)
            self._any_ended.release()


class MeasurementLock:
    """A lock that many steps share, and that a measuring step holds alone.

    A measuring step also waits for other runs with the same lock file, until their cached and measuring steps are done.
    Uncached and light work is short, and never waits for other runs.
    """

    def __init__(self, lock: Path, waiting: Callable[[str], None]) -> None:
        """Take the lock file, created at first use; `waiting` is called with the others' work before waiting."""
        self._lock, self._waiting = lock, waiting
        self._notes = lock.with_name(f"{lock.stem}-runs")
        self._changed = threading.Condition()
        self._working = 0
        self._waiting_alone = 0

    @contextmanager
    def shared(self, work: Work, *, lasting: bool) -> Iterator[None]:
        """Hold the lock beside others; `lasting` for work that would disturb a measurement of another run."""
        with self._changed:
            # A waiting measurement goes first.
            self._changed.wait_for(lambda: not self._waiting_alone)
            self._working += 1
        try:
            with self._file(work, shared=True) if lasting else nullcontext():
                yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, work: Work) -> Iterator[None]:
        """Hold the lock alone."""
        working = 0
        with self._changed:
            self._waiting_alone += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._working)
                working = self._working = 1
            with self._file(work, shared=False):
                yield
        finally:
            with self._changed:
                self._working -= working
                self._waiting_alone -= 1
                self._changed.notify_all()

    @contextmanager
    def _file(self, work: Work, *, shared: bool) -> Iterator[None]:
        """Lock the file; the kernel releases it when the process ends, however it ends."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as handle:
            announced = False
            while not locks.acquire(handle, shared=shared):
                if not announced:
                    self._waiting(others_at_work(self._notes, time.time()))
                    announced = True
                raise_if_stopped()
                time.sleep(_POLL_S)
            with noted(self._notes, work):
                yield
