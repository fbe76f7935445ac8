"""The watchdog over the completion of samples, for which LoadGen itself waits forever."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 1.0


class Watchdog:
    """Counts issued and completed samples, and calls `on_stall` when no sample is completed for too long.

    Its thread compares the counts once per second, so that counting reads no clock.
    """

    def __init__(self, stall_timeout_s: float, on_stall: Callable[[str], None], on_beat: Callable[[], object]) -> None:
        """Create a stopped watchdog; `on_beat` is called at every check, as a heartbeat for another process."""
        self._timeout_s = stall_timeout_s
        self._on_stall = on_stall
        self._on_beat = on_beat
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._last_s = self._start_s = time.monotonic()
        self._deadline: tuple[float, Callable[[dict[str, float]], None]] | None = None
        self._seen = 0
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.queries = self.issued = self.completed = self.batches = 0

    def end_at(self, deadline_s: float, on_end: Callable[[dict[str, float]], None]) -> None:
        """Call `on_end` with the counts and the elapsed seconds once `time.monotonic()` exceeds `deadline_s`."""
        self._deadline = deadline_s, on_end

    def start(self) -> None:
        """Send the first heartbeat and start the thread, which a hang may prevent from sending the next."""
        self._on_beat()
        self._last_s = self._start_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._stop.set()
        self._thread.join()

    def expect(self, samples: int) -> None:
        """Count the samples of an issued query."""
        with self._lock:
            self.queries += 1
            self.issued += samples

    def done(self, samples: int) -> None:
        """Count the samples of a completed batch."""
        with self._lock:
            self.completed += samples
            self.batches += 1

    def expect_one(self) -> None:
        """Count an issued query of one sample; only for a single thread, because it takes no lock."""
        self.issued += 1

    def done_one(self) -> None:
        """Count the completion of a query counted by `expect_one`, in the same thread."""
        self.completed += 1
        self.queries += 1
        self.batches += 1

    def check(self, now_s: float) -> None:
        """Call `on_end` after the deadline, and `on_stall` if outstanding samples made no progress for the timeout."""
        if self._deadline is not None and now_s > self._deadline[0]:
            done = {"samples": self.completed, "issued": self.issued, "seconds": now_s - self._start_s}
            self._deadline[1](done)
        with self._lock:
            outstanding = self.issued - self.completed
            if self.completed != self._seen or not outstanding:
                # Samples were completed since the last check, or the engine had nothing to do.
                self._seen, self._last_s = self.completed, now_s
            idle_s = now_s - self._last_s
        if outstanding > 0 and idle_s > self._timeout_s:
            self._on_stall(
                f"no sample was completed for {idle_s:.0f} s ({self.completed} of {self.issued} samples done): "
                "the engine hangs or is too slow; raise stall_timeout_s if it is only slow"
            )

    def _watch(self) -> None:
        poll_s = min(_POLL_S, self._timeout_s / 4)
        while not self._stop.wait(poll_s):
            self._on_beat()
            self.check(time.monotonic())
