"""Workers are rung, heard, started again when they die, and ended with the service."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.service.web import workers as workers_module
from mlperf_home.leaderboard.service.web.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from mlperf_home.contracts.leaderboard.service import WorkerEvent

SAY = """
import sys
def say(words):
    print('{"service":"worker","event":"judged","words":"%s"}' % words, flush=True)
"""
ECHO = SAY + "say('begun')\nfor line in sys.stdin: say('rung')"
CRASH = SAY + "say('begun'); sys.exit(3)"
NOISE = "print('not ours', flush=True)\n" + ECHO


def heard(program: str, enough: Callable[[list[WorkerEvent]], bool], *, ring: bool = False) -> list[WorkerEvent]:
    """Run one worker until enough was heard of it; return all of it."""

    async def act() -> list[WorkerEvent]:
        events: list[WorkerEvent] = []
        changed = asyncio.Event()

        def take(event: WorkerEvent) -> None:
            events.append(event)
            changed.set()
            if ring and event.words == "begun":
                workers.ring()

        workers = Workers([sys.executable, "-c", program], 1, take)
        workers.start()
        while not enough(events):
            await changed.wait()
            changed.clear()
        await workers.stop()
        assert workers.running == 0
        return events

    return asyncio.run(act())


def test_a_ring_reaches_a_worker() -> None:
    events = heard(ECHO, lambda found: len(found) == 2, ring=True)

    assert [each.words for each in events] == ["begun", "rung"]


def test_a_worker_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "_PAUSES_S", (0.0,))

    events = heard(CRASH, lambda found: sum(each.words == "begun" for each in found) == 2)

    assert events[1].event == "waits"
    assert events[1].reason == "it ended with status 3"


def test_other_output_of_a_worker_is_ignored() -> None:
    assert [each.words for each in heard(NOISE, lambda found: len(found) == 1)] == ["begun"]
