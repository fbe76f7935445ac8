"""What a run tells while it lasts: one JSON object a line on standard output, before and after the timed section.

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

import json
import os
import sys
import time
from typing import Any


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
