"""What all tests share: the modules in `support`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

# A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and what they start ignores it too: what a
# signal does could not be tried.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)
