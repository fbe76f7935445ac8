"""What all tests share: the modules in `support`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

# A shell starts background jobs with SIGINT ignored, and what they start ignores it too: Ctrl-C could not be tried.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
