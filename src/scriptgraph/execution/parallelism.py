"""Run at the same time what does not depend on each other, and let what measures run alone."""

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
from scriptgraph.files import locks
from scriptgraph.process.interruption import Stop, Stopped, raise_if_stopped, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from scriptgraph.planning.plan import Need, Step

Result = TypeVar("Result")

# More at once would only share the same network and cores.
MOST = 8
# Between two looks whether another run has ended.
_POLL_S = 0.1
_EVERYTHING = frozenset({"*"})


class Independence:
    """Says what must wait for what; each step of a plan is looked at once."""

    def __init__(self) -> None:
        # By the step's identity, which the step in the entry keeps from being another's.
        self._keys: dict[int, tuple[Step, frozenset[str]]] = {}
        self._acting: dict[int, tuple[Step, bool]] = {}

    def waits_for(self, needs: Sequence[Need]) -> list[frozenset[int]]:
        """Return for each dependency the numbers of the earlier ones that must have run.

        A dependency that is settled later may be any script, and a script that is neither cached nor pure may do
        anything to what others work on: each waits for all before it, and all after it wait for it.
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
        """Return whether a step, or one below it, may do more than make its own result."""
        if id(step) not in self._acting:
            own = has_code(step.manifest) and not (step.manifest.cache or step.manifest.pure)
            below = (bool(need.waits_for) or (need.step is not None and self._acts(need.step)) for need in step.needs())
            self._acting[id(step)] = (step, own or any(below))
        return self._acting[id(step)][1]

    def _touches(self, need: Need) -> frozenset[str]:
        """Return the keys that a dependency is told, and that it and all below it read, are decided by, or pass on."""
        if need.step is None:
            return _EVERYTHING if need.waits_for else frozenset()
        step = need.step
        if id(step) not in self._keys:
            found = frozenset({*step.manifest.reads, *step.manifest.deciding_keys, *step.exports})
            found = found.union(*(self._touches(each) for each in step.needs()))
            self._keys[id(step)] = (step, _EVERYTHING if "*" in found else found)
        return self._keys[id(step)][1].union(*map(step.env.made_of, need.dependency.env.values()))


def _meet(exports: Iterable[str], keys: frozenset[str]) -> bool:
    """Return whether some key may fit a pattern of each; of two that have a `*` what stands before it decides."""
    if not keys.isdisjoint(exports):
        return True
    for one, other in product(exports, keys):
        if "*" in one and "*" in other:
            heads = (one.partition("*")[0], other.partition("*")[0])
            fit = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
        else:
            fit = fnmatchcase(one, other) if "*" in other else fnmatchcase(other, one)
        if fit:
            return True
    return False


def side_by_side(calls: Sequence[Callable[[], Result]], after: Sequence[frozenset[int]]) -> list[Result]:
    """Make calls, each as soon as those that it comes after have been made.

    Where only one can run it runs in this thread. After a failure nothing new is started, what runs is asked to stop,
    and the first failure in the order of `calls` is raised.

    Args:
        calls: what to do.
        after: for each call the numbers of the calls, all before it, that must have been made.

    Returns:
        Their results, in the order of `calls`.
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
            # Ctrl-C, or the end that was asked for: those that run end their programs first.
            self._stop.set()
            for thread in self._running.values():
                thread.join()
            raise
        if self.failures:
            failures = [self.failures[number] for number in sorted(self.failures)]
            # The failure that stopped the others, not one of the stopped.
            raise next((each for each in failures if not isinstance(each, Stopped)), failures[0])
        return [self.results[number] for number in range(len(self.calls))]

    def _start_ready(self) -> bool:
        """Start what can start; a single call that nothing runs beside is made here."""
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
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self.failures[number] = error
        finally:
            self._ended.append(number)
            self._any_ended.release()


class Floor:
    """Where steps do their work: many at once, or one that measures alone.

    What measures also waits for other runs that share the lock file: until they have made what they are making for
    the cache, and until they have measured. Work that is not kept is short and waits for nobody else's.
    """

    def __init__(self, lock: Path, waiting: Callable[[], None]) -> None:
        """Take the lock file, which is made at first use; `waiting` is called before waiting for another run."""
        self._lock, self._waiting = lock, waiting
        self._changed = threading.Condition()
        self._working = 0
        self._wanting_alone = 0

    @contextmanager
    def shared(self, *, kept: bool) -> Iterator[None]:
        """Work beside others; `kept` says that it is for the cache, and may take long."""
        with self._changed:
            # A step that waits to measure goes first.
            self._changed.wait_for(lambda: not self._wanting_alone)
            self._working += 1
        try:
            with self._file(shared=True) if kept else nullcontext():
                yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work with nothing of ours beside it."""
        working = 0
        with self._changed:
            self._wanting_alone += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._working)
                working = self._working = 1
            with self._file(shared=False):
                yield
        finally:
            with self._changed:
                self._working -= working
                self._wanting_alone -= 1
                self._changed.notify_all()

    @contextmanager
    def _file(self, *, shared: bool) -> Iterator[None]:
        """Hold the lock file, which the system drops when the process ends, however it ends."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as handle:
            told = False
            while not locks.acquire(handle, shared=shared):
                if not told:
                    self._waiting()
                    told = True
                raise_if_stopped()
                time.sleep(_POLL_S)
            yield
