"""The watchdog tells a hang from a pause."""

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


def test_what_goes_on_is_no_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(10)
    for now_s in range(0, 40, 4):
        watchdog.check(now_s)
        watchdog.done(1)
    assert stalls == []


def test_a_query_after_a_long_pause_has_its_full_time() -> None:
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


def test_nothing_outstanding_is_no_stall() -> None:
    stalls: list[str] = []
    watchdog = make(stalls)
    watchdog.expect(3)
    watchdog.done(3)
    watchdog.check(3600)
    assert stalls == []


def test_the_thread_beats_and_ends() -> None:
    beaten = threading.Event()
    watchdog = Watchdog(0.04, on_stall=lambda _text: None, on_beat=beaten.set)
    watchdog.start()
    assert beaten.wait(30)
    watchdog.stop()
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def test_the_end_of_the_time_is_told_with_what_is_done() -> None:
    ends: list[dict[str, float]] = []
    watchdog = make([])
    watchdog.end_at(1e12, ends.append)
    watchdog.expect(10)
    watchdog.done(4)
    watchdog.check(1e12)
    assert ends == []
    watchdog.check(1e12 + 1)
    assert [(each["samples"], each["issued"]) for each in ends] == [(4, 10)]
