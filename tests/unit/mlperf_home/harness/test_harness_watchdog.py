"""The watchdog tells a hang from a pause."""

from __future__ import annotations

import threading
import time

from mlperf_home.harness.watchdog import Watchdog


def make(stalls: list[str], timeout_s: float = 5) -> Watchdog:
    return Watchdog(timeout_s, on_stall=stalls.append, on_beat=lambda: None)


def test_outstanding_samples_without_completion_are_a_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(10)
    watchdog.done(4)
    watchdog.check(time.monotonic() + 4)
    assert stalls == []
    watchdog.check(time.monotonic() + 6)
    assert len(stalls) == 1
    assert "4 of 10 samples done" in stalls[0]


def test_nothing_outstanding_is_no_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(3)
    watchdog.done(3)
    watchdog.check(time.monotonic() + 3600)
    assert stalls == []


def test_the_thread_beats_and_ends() -> None:
    beaten = threading.Event()
    watchdog = Watchdog(0.04, on_stall=lambda _text: None, on_beat=beaten.set)
    watchdog.start()
    assert beaten.wait(30)
    watchdog.stop()
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}
