"""One night of a volunteer's machine: wait for the hours and for quiet, run what is wanted, send it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec

from mlperf_home.contracts.leaderboard.participation import TakenRun
from mlperf_home.leaderboard.participation.choosing import settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.leaderboard.participation.choosing import ChosenRun
    from mlperf_home.leaderboard.participation.guarded_run import GuardedEnding
    from mlperf_home.leaderboard.participation.hours import DailyHours
    from mlperf_home.leaderboard.participation.kept import KeptParticipation
    from mlperf_home.leaderboard.participation.machine_use import MachineUse

QUIET_S = 60.0
"""The load of others is judged over a minute: one look at a web page is over by then."""
LONGEST_PAUSE_S = 600.0
_HOUR_S = 3600.0


class Clock(Protocol):
    """The time of the machine, and a pause."""

    def now(self) -> datetime:
        """Return the local time."""
        ...

    def wait(self, seconds: float) -> None:
        """Pause."""
        ...


@dataclass(frozen=True)
class Night:
    """One call of a volunteer.

    Attributes:
        most: the most time of all runs together; None for no limit.
        once: whether one run is enough.
        watched: whether it waits while somebody uses the machine.
        choose: returns what can be run in some hours, and shows why the rest cannot; None is no limit.
        run: runs a workflow until a time, and returns how it ended.
        send: sends a bundle; returns whether it was sent.
    """

    kept: KeptParticipation
    hours: DailyHours
    most: timedelta | None
    once: bool
    watched: bool
    clock: Clock
    use: MachineUse
    choose: Callable[[float | None], list[ChosenRun]]
    run: Callable[[ChosenRun, datetime | None], GuardedEnding]
    send: Callable[[TakenRun], bool]
    say: Callable[[str], None]

    def spend(self) -> list[ChosenRun]:
        """Spend the night; return the runs that are made. What was begun before goes on first."""
        self._send_kept()
        now = self.clock.now()
        opens = self.hours.opens(now)
        if opens > now:
            self.say(f"waiting for its hours, which begin at {opens:%H:%M}")
            self._wait_until(opens)
        closes, used = self.hours.closes(self.clock.now()), timedelta()
        made: list[ChosenRun] = []
        failed: set[str] = set()
        while not self._is_over(closes, used):
            end = self._end(closes, used)
            left_h = None if end is None else (end - self.clock.now()).total_seconds() / _HOUR_S
            runs = [each for each in self.choose(left_h) if each.name not in failed]
            if not runs or not self._quiet(closes):
                break
            run, began = self._begun_first(runs), self.clock.now()
            ending = self._made(run, self._end(closes, used))
            used += self.clock.now() - began
            if ending in {"done", "failed"}:
                (made.append(run) if ending == "done" else failed.add(run.name))
                if self.once:
                    break
            elif ending == "interrupted":
                raise KeyboardInterrupt
        return made

    def _made(self, run: ChosenRun, end: datetime | None) -> str:
        """Run a workflow, send its bundle, and return how it ended."""
        names = {"challenge": run.challenge.name, "workflow": run.workflow.name}
        self.kept.keep(TakenRun(**names, state="begun", utc=self._utc()))
        ending = self.run(run, end)
        if ending.ending == "done":
            taken = TakenRun(**names, state="made", bundle=ending.bundle, utc=self._utc())
            self.kept.keep(taken)
            self._sent(taken)
            for line in settled([run.wanted]):
                self.say(f"settled once the board has judged it: {line}")
        elif ending.ending == "failed":
            self.say(f"{run.name} failed: {ending.because}")
        elif ending.ending == "over":
            self.say(f"{run.name} stops, since its time is over; it goes on where it was the next time")
        elif ending.ending == "in use":
            self.say(f"{run.name} pauses: {ending.because}; it goes on where it was")
        return ending.ending

    def _send_kept(self) -> None:
        """Send what was made before and could not be sent."""
        for each in self.kept.read().runs.values():
            if each.state == "made":
                self._sent(each)

    def _sent(self, run: TakenRun) -> None:
        if self.send(run):
            self.kept.keep(msgspec.structs.replace(run, state="sent", utc=self._utc()))

    def _begun_first(self, runs: list[ChosenRun]) -> ChosenRun:
        begun = {name for name, each in self.kept.read().runs.items() if each.state == "begun"}
        return next((each for each in runs if each.name in begun), runs[0])

    def _quiet(self, closes: datetime | None) -> bool:
        """Wait until nobody uses the machine; return False if its hours are over before."""
        said = ""
        self.use.obstacles(running=False)
        while self.watched:
            if closes is not None and self.clock.now() >= closes:
                self.say("its hours are over")
                return False
            self.clock.wait(QUIET_S)
            found = "; ".join(self.use.obstacles(running=False))
            if not found:
                return True
            if found != said:
                self.say(f"waiting: {found}")
                said = found
        return True

    def _is_over(self, closes: datetime | None, used: timedelta) -> bool:
        end = self._end(closes, used)
        return end is not None and self.clock.now() >= end

    def _end(self, closes: datetime | None, used: timedelta) -> datetime | None:
        ends = [closes] if closes else []
        ends += [self.clock.now() + self.most - used] if self.most else []
        return min(ends, default=None)

    def _wait_until(self, moment: datetime) -> None:
        while (left_s := (moment - self.clock.now()).total_seconds()) > 0:
            self.clock.wait(min(left_s, LONGEST_PAUSE_S))

    def _utc(self) -> str:
        return self.clock.now().isoformat(timespec="seconds")
