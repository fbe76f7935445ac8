"""A place where two steps of a test meet: neither goes on alone, so both must run at once."""

from __future__ import annotations

import threading

barrier = threading.Barrier(2, timeout=30)
