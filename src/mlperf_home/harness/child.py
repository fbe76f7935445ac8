"""The child's side of a run: it dies with its parent and writes progress lines (see `contracts.runs.progress`)."""

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
    from mlperf_home.contracts.runs.progress import Event

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have Linux kill this process when the parent's starting thread ends; exit at once if `parent` has ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class Progress:
    """Writes progress lines to standard output, and redirects everything else there to standard error.

    Engines print to standard output too.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self._start_s = time.monotonic()

    def write(self, event: Event) -> None:
        """Write one line; ignore a closed standard output."""
        timed = msgspec.structs.replace(event, time_s=round(time.monotonic() - self._start_s, 3))
        try:
            os.write(self._descriptor, to_line(timed).encode() + b"\n")
        except OSError:
            return
