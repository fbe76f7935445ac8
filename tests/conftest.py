"""Make the modules of `support` importable, and restore the usual signal handlers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

# Shells start background jobs with SIGINT ignored, and nohup with SIGHUP; a test's programs would inherit that and
# ignore its signals.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)
