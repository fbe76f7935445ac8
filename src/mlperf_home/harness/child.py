"""A run's process and its parent: it ends with the parent, and tells how far it is (see `contracts.progress`)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.contracts.codec import to_line

if TYPE_CHECKING:
    from mlperf_home.contracts.progress import Event

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when the parent's thread that started it ends; at once if `parent` is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class Progress:
    """Writes progress lines to the standard output of the process's start.

    Engines print there too; from here on their output goes to standard error.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self._start_s = time.monotonic()

    def tell(self, event: Event) -> None:
        """Write one line; a reader that is gone does not end the run."""
        timed = msgspec.structs.replace(event, time_s=round(time.monotonic() - self._start_s, 3))
        try:
            os.write(self._descriptor, to_line(timed).encode() + b"\n")
        except OSError:
            return
