"""Let a polite end of this process unwind it, so that cleaning up happens."""

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
    """This thread's work was asked to end, because another step failed or the run was interrupted."""


class Stop(threading.Event):
    """A wish that the threads of a group end; it holds where the wish of the group around it does."""

    def __init__(self) -> None:
        super().__init__()
        self._around = _current.get()

    def is_set(self) -> bool:
        """Whether it was wished, here or around."""
        return super().is_set() or (self._around is not None and self._around.is_set())


_current: ContextVar[Stop | None] = ContextVar("stop", default=None)


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Make `raise_if_stopped` in this thread heed a wish."""
    token = _current.set(stop)
    try:
        yield
    finally:
        _current.reset(token)


def current_stop() -> Stop | None:
    """Return the wish that this thread heeds, which its work looks at where it can end without harm."""
    return _current.get()


def raise_if_stopped() -> None:
    """End this thread's work if that was wished; called where work can end without harm.

    Raises:
        Stopped: it was wished.
    """
    stop = _current.get()
    if stop is not None and stop.is_set():
        raise Stopped


@contextmanager
def end_signals_raise() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit (143, 129), as Ctrl-C raises KeyboardInterrupt.

    Signals that the program around us handles itself stay as they are, and so does
    everything in threads other than the main one, where handlers cannot be set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
