"""Watches that samples keep being completed: LoadGen itself waits for ever."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 1.0


class Watchdog:
    """Counts issued and completed samples and calls `on_stall` when none is completed for too long.

    Its thread wakes once a second and looks whether the counts moved, so that counting itself reads no clock.
    """

    def __init__(self, stall_timeout_s: float, on_stall: Callable[[str], None], on_beat: Callable[[], object]) -> None:
        """Prepare; `on_beat` is called at every wake-up, so that another process can see that this one lives."""
        self._timeout_s = stall_timeout_s
        self._on_stall = on_stall
        self._on_beat = on_beat
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._last_s = self._start_s = time.monotonic()
        self._ends: tuple[float, Callable[[dict[str, float]], None]] | None = None
        self._seen = 0
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.queries = self.issued = self.completed = self.batches = 0

    def end_at(self, ends_s: float, on_end: Callable[[dict[str, float]], None]) -> None:
        """Call `on_end` with what is done and the seconds it took, when `time.monotonic()` has passed `ends_s`."""
        self._ends = ends_s, on_end

    def start(self) -> None:
        """Begin to watch; the first beat is given at once, for the next may be prevented by what it watches for."""
        self._on_beat()
        self._last_s = self._start_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End watching; returns when the thread is gone."""
        self._stop.set()
        self._thread.join()

    def expect(self, samples: int) -> None:
        """Count the samples of a query that was issued."""
        with self._lock:
            self.queries += 1
            self.issued += samples

    def done(self, samples: int) -> None:
        """Count the samples of a batch that was completed."""
        with self._lock:
            self.completed += samples
            self.batches += 1

    def expect_one(self) -> None:
        """Count a query of one sample, counted by a single thread: without a lock, which would be timed."""
        self.issued += 1

    def done_one(self) -> None:
        """Count the completion of what `expect_one` counted, by the same thread."""
        self.completed += 1
        self.queries += 1
        self.batches += 1

    def check(self, now_s: float) -> None:
        """Call `on_end` if the time is over, `on_stall` if nothing outstanding was completed for the time allowed."""
        if self._ends is not None and now_s > self._ends[0]:
            done = {"samples": self.completed, "issued": self.issued, "seconds": now_s - self._start_s}
            self._ends[1](done)
        with self._lock:
            outstanding = self.issued - self.completed
            if self.completed != self._seen or not outstanding:
                # Something was completed since the last look, or the time was LoadGen's and not the engine's.
                self._seen, self._last_s = self.completed, now_s
            idle_s = now_s - self._last_s
        if outstanding > 0 and idle_s > self._timeout_s:
            self._on_stall(
                f"no sample was completed for {idle_s:.0f} s ({self.completed} of {self.issued} samples done): "
                "the engine hangs or is far too slow; raise stall_timeout_s if it is only slow"
            )

    def _watch(self) -> None:
        poll_s = min(_POLL_S, self._timeout_s / 4)
        while not self._stop.wait(poll_s):
            self._on_beat()
            self.check(time.monotonic())
