"""Stop flags for threads, and signals as exceptions, so that an interrupted program still cleans up."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stopped(BaseException):
    """This thread has to stop, because another step failed or the run was interrupted."""


class Stop(threading.Event):
    """A stop flag of a group of threads; it counts as set while the flag of the enclosing group is."""

    def __init__(self) -> None:
        super().__init__()
        self._enclosing = _current.get()

    def is_set(self) -> bool:
        """Whether this flag or that of the enclosing group is set."""
        return super().is_set() or (self._enclosing is not None and self._enclosing.is_set())


_current: ContextVar[Stop | None] = ContextVar("stop", default=None)


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Make `raise_if_stopped` in this thread follow a stop flag."""
    token = _current.set(stop)
    try:
        yield
    finally:
        _current.reset(token)


def current_stop() -> Stop | None:
    """Return the stop flag of this thread; None if it has none."""
    return _current.get()


def raise_if_stopped() -> None:
    """Raise if this thread's stop flag is set; called where work can end without harm.

    Raises:
        Stopped: the flag is set.
    """
    stop = _current.get()
    if stop is not None and stop.is_set():
        raise Stopped


_hurry = threading.Event()


def is_hurried() -> bool:
    """Whether Ctrl-C was pressed again: programs are ended without their grace period."""
    return _hurry.is_set()


class Interruption:
    """Turns Ctrl-C into one KeyboardInterrupt of a command, which is always answered.

    A second Ctrl-C, which may come while the first is being answered, raises nothing: it ends programs without their
    grace period. A third one raises again, for code that swallowed the first. Outside `raising`, none raises.
    """

    def __init__(self) -> None:
        self._presses, self._raises = 0, False

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise KeyboardInterrupt at Ctrl-C in this block; the caller catches it."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    @contextmanager
    def handled(self, *, ends_process: bool) -> Iterator[None]:
        """Handle Ctrl-C in this block; where the process then ends, also after an interrupted block.

        A handler that the embedding program or an enclosing command has set stays, and so does that of other threads.
        """
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._pressed)
        try:
            yield
        finally:
            _hurry.clear()
            # Python gives up handlers while it ends, but does not stop ignoring a signal.
            ended = ends_process and self._presses
            signal.signal(signal.SIGINT, signal.SIG_IGN if ended else signal.default_int_handler)

    def _pressed(self, _number: int, _frame: FrameType | None) -> None:
        self._presses += 1
        if self._presses > 1:
            _hurry.set()
        if self._raises and self._presses % 2:
            raise KeyboardInterrupt


@contextmanager
def end_signals_raise() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit (143, 129), as Ctrl-C raises KeyboardInterrupt.

    Handlers that the embedding program has set stay. In threads other than the main one nothing changes: handlers
    cannot be set there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    unhandled = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)
