"""The watchdog distinguishes a hang from a pause."""

from __future__ import annotations

import threading

from mlperf_home.harness.queries.watchdog import Watchdog


def make(stalls: list[str], timeout_s: float = 5) -> Watchdog:
    return Watchdog(timeout_s, on_stall=stalls.append, on_beat=lambda: None)


def test_outstanding_samples_without_completion_are_a_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(10)
    watchdog.done(4)
    watchdog.check(100)
    watchdog.check(104)
    assert stalls == []
    watchdog.check(106)
    assert len(stalls) == 1
    assert "4 of 10 samples done" in stalls[0]


def test_steady_completion_is_no_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(10)
    for now_s in range(0, 40, 4):
        watchdog.check(now_s)
        watchdog.done(1)
    assert stalls == []


def test_a_query_after_a_long_pause_has_the_full_timeout() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.check(0)
    watchdog.check(3600)
    watchdog.expect_one()
    watchdog.check(3601)
    assert stalls == []
    watchdog.check(3606)
    assert len(stalls) == 1
    watchdog.done_one()
    assert (watchdog.queries, watchdog.issued, watchdog.completed, watchdog.batches) == (1, 1, 1, 1)


def test_without_outstanding_samples_there_is_no_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(3)
    watchdog.done(3)
    watchdog.check(3600)
    assert stalls == []


def test_the_thread_sends_heartbeats_and_ends() -> None:
    beaten = threading.Event()
    watchdog = Watchdog(0.04, on_stall=lambda _text: None, on_beat=beaten.set)
    watchdog.start()
    assert beaten.wait(30)
    watchdog.stop()
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def test_the_deadline_is_reported_with_the_counts() -> None:
    ends: list[dict[str, float]] = []
    watchdog = make([])
    watchdog.end_at(1e12, ends.append)
    watchdog.expect(10)
    watchdog.done(4)
    watchdog.check(1e12)
    assert ends == []
    watchdog.check(1e12 + 1)
    assert [(done["samples"], done["issued"]) for done in ends] == [(4, 10)]
