"""A run's process and its parent: it ends with the parent, and tells how far it is.

Progress is one JSON object a line on standard output, before and after the timed section.

Every line has `event` and `time_s` (seconds since the process began to work):

    {"event": "opening", "backend": name}
    {"event": "calibrating"}                      only when no stored grid fits
    {"event": "opened", "engine": name, "version": version, "grid": {...}}
    {"event": "running", "scenario": name, "mode": name, "min_duration_s": seconds}
    {"event": "finished", "run_s": seconds}
    {"event": "complete", "validity": "VALID" or "INVALID" or null, "session": path}

Nothing is written between "running" and "finished".
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

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

    def tell(self, event: str, **facts: Any) -> None:
        """Write one line; a reader that is gone does not end the run."""
        line = json.dumps({"event": event, "time_s": round(time.monotonic() - self._start_s, 3), **facts})
        try:
            os.write(self._descriptor, line.encode() + b"\n")
        except OSError:
            return
