"""A run of a challenge that ends, as by Ctrl-C, when somebody uses the machine or when its hours are over."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from mlperf_home.challenges import commands
from mlperf_home.contracts.codec import Document, print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlperf_home.contracts.leaderboard.participation import GuardedRun
    from mlperf_home.leaderboard.participation.machine_use import MachineUse

POLL_S = 60.0
"""Each look starts two short programs: once a minute disturbs no measurement."""

_AGAIN_S = 30.0

Ending = Literal["done", "failed", "in use", "over", "interrupted"]


class GuardedEnding(Document):
    """How a guarded run has ended.

    Attributes:
        because: who uses the machine, or the error.
        bundle: the path of the bundle; "" without one.
    """

    ending: Ending
    because: str = ""
    bundle: str = ""


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@dataclass
class Guard:
    """Looks at the machine while a run is under way.

    Attributes:
        wait: waits for the event, at most for some seconds; returns whether it is set.
        interrupt: ends the run.
    """

    use: MachineUse
    request: GuardedRun
    now: Callable[[], datetime]
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    interrupt: Callable[[], None] = _interrupt
    found: GuardedEnding | None = None
    _ended: threading.Event = field(default_factory=threading.Event, init=False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the machine in this block."""
        thread = threading.Thread(target=self.watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def watch(self) -> None:
        """Look until the run has ended, or has to."""
        end = datetime.fromisoformat(self.request.ends_utc) if self.request.ends_utc else None
        if self.request.watched:
            self.use.obstacles(running=True)  # the first look cannot tell the load
        while not self.wait(self._ended, _pause_s(end, self.now())):
            if end is not None and self.now() >= end:
                self.found = GuardedEnding(ending="over", because="its time is over")
            elif self.request.watched and (found := self.use.obstacles(running=True)):
                self.found = GuardedEnding(ending="in use", because="; ".join(found))
            if self.found is not None:
                self._end()
                return

    def _end(self) -> None:
        """Interrupt the run until it has ended: between two steps, an interruption may be lost."""
        self.interrupt()
        while not self.wait(self._ended, _AGAIN_S):
            self.interrupt()


def _pause_s(end: datetime | None, now: datetime) -> float:
    left_s = POLL_S if end is None else (end - now).total_seconds()
    return max(0.0, min(POLL_S, left_s))


def run_guarded(guard: Guard, run: Callable[[], dict[str, Any]]) -> GuardedEnding:
    """Run a challenge under a guard, and return how it ended."""
    with guard.watching():
        try:
            answer = run()
        except KeyboardInterrupt:
            answer = {"return": 130}
    if answer.get("return") == 130:  # noqa: PLR2004 - interrupted, as shells number it
        return guard.found or GuardedEnding(ending="interrupted")
    if answer.get("return"):
        return GuardedEnding(ending="failed", because=str(answer.get("error", ""))[:500])
    return GuardedEnding(ending="done", bundle=str(answer["bundle"]))


def run_challenge(request: GuardedRun) -> dict[str, Any]:
    """Run `cm run challenge` in this process."""
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in request.command.items()]
    return commands.answer("run", {"artifact": request.challenge, "out": "con", "cmd": words, **request.command})


def report(ending: GuardedEnding) -> None:
    """Print an ending for the parent process."""
    print_line(ending)
