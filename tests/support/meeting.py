"""A barrier that two steps of a test pass together, so both must run at once."""

from __future__ import annotations

import threading

barrier = threading.Barrier(2, timeout=30)
