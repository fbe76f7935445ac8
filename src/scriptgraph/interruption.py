"""Let a polite end of this process unwind it, so that cleaning up happens."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


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
