"""A night: wait for hours and quiet, run what is wanted, send it, go on where it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import NAME, challenge_home
from volunteers import NIGHT, SetClock, SetUse, list_document, run_document

from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.participation import TakenRun
from mlperf_home.contracts.leaderboard.wanted_list import WantedList
from mlperf_home.leaderboard.participation.choosing import ChosenRun
from mlperf_home.leaderboard.participation.guarded_run import GuardedEnding
from mlperf_home.leaderboard.participation.hours import DailyHours
from mlperf_home.leaderboard.participation.kept import KeptParticipation
from mlperf_home.leaderboard.participation.night import Night

if TYPE_CHECKING:
    from pathlib import Path

DONE = GuardedEnding(ending="done", bundle="/bundle.tar.gz")
FIRST, SECOND = f"{NAME}/first", f"{NAME}/second"


@dataclass
class Volunteering:
    """A volunteer whose runs take an hour each, and end as set."""

    kept: KeptParticipation
    runs: list[ChosenRun]
    endings: list[GuardedEnding] = field(default_factory=list)
    sends: bool = True
    clock: SetClock = field(default_factory=SetClock)
    use: SetUse = field(default_factory=SetUse)
    ran: list[tuple[str, datetime]] = field(default_factory=list)
    ends: list[datetime | None] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def choose(self, hours: float | None) -> list[ChosenRun]:
        done = {name for name, each in self.kept.read().runs.items() if each.state != "begun"}
        return [each for each in self.runs if each.name not in done and (hours is None or hours > 0)]

    def run(self, run: ChosenRun, end: datetime | None) -> GuardedEnding:
        self.ran.append((run.name, self.clock.at))
        self.ends.append(end)
        self.clock.at = min(
            self.clock.at + timedelta(hours=1), end or datetime.max.replace(tzinfo=self.clock.at.tzinfo)
        )
        return self.endings.pop(0) if self.endings else DONE

    def send(self, run: TakenRun) -> bool:
        self.sent.append(f"{run.challenge}/{run.workflow}")
        return self.sends

    def spend(self, hours: DailyHours | None = None, most: timedelta | None = None, **changes: Any) -> list[str]:
        night = Night(
            kept=self.kept, hours=hours or DailyHours(), most=most, once=changes.get("once", False),
            watched=changes.get("watched", True), clock=self.clock, use=self.use,  # type: ignore[arg-type]
            choose=self.choose, run=self.run, send=self.send, say=self.said.append,
        )  # fmt: skip
        return [each.name for each in night.spend()]


@pytest.fixture
def volunteer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volunteering:
    challenge = find_challenges([challenge_home(tmp_path / "c", monkeypatch).root])[0][0]
    wanted = decode(list_document(run_document(), run_document(workflow="second")), WantedList, "list").runs
    runs = [ChosenRun(each, challenge, flow) for each, flow in zip(wanted, challenge.workflows, strict=True)]
    return Volunteering(KeptParticipation(tmp_path / "home", "https://b.example"), runs)


def states(volunteer: Volunteering) -> dict[str, str]:
    return {name: each.state for name, each in volunteer.kept.read().runs.items()}


def test_all_that_is_wanted_is_run_and_sent(volunteer: Volunteering) -> None:
    assert volunteer.spend() == [FIRST, SECOND]
    assert volunteer.sent == [FIRST, SECOND]
    assert states(volunteer) == {FIRST: "sent", SECOND: "sent"}
    assert any("a (resnet, SingleStream)" in line for line in volunteer.said)


def test_once_is_one_run(volunteer: Volunteering) -> None:
    assert volunteer.spend(once=True) == [FIRST]


def test_it_waits_for_its_hours(volunteer: Volunteering) -> None:
    volunteer.clock.at = NIGHT.replace(hour=12)
    volunteer.spend(DailyHours(22, 6), once=True)

    assert volunteer.ran[0][1] >= NIGHT.replace(hour=22)
    assert "waiting for its hours, which begin at 22:00" in volunteer.said


def test_a_run_ends_with_the_hours(volunteer: Volunteering) -> None:
    volunteer.spend(DailyHours(22, 6), once=True)

    assert volunteer.ends == [NIGHT.replace(day=2, hour=6)]


def test_nothing_begins_after_the_hours(volunteer: Volunteering) -> None:
    volunteer.clock.at = NIGHT.replace(day=2, hour=5, minute=30)
    volunteer.endings = [GuardedEnding(ending="over")]

    assert volunteer.spend(DailyHours(22, 6)) == []
    assert len(volunteer.ran) == 1
    assert states(volunteer) == {FIRST: "begun"}


def test_the_most_time_counts_all_runs(volunteer: Volunteering) -> None:
    assert volunteer.spend(most=timedelta(minutes=90)) == [FIRST, SECOND]
    first, second = volunteer.ran
    assert volunteer.ends[0] == first[1] + timedelta(minutes=90)
    assert volunteer.ends[1] == second[1] + timedelta(minutes=30)


def test_it_waits_while_somebody_uses_the_machine(volunteer: Volunteering) -> None:
    volunteer.use.found = [["x"], ["somebody"], ["somebody"], ["somebody"], []]
    volunteer.spend(once=True)

    assert volunteer.ran[0][1] == NIGHT + timedelta(minutes=4)
    assert volunteer.said.count("waiting: somebody") == 1


def test_it_gives_up_when_its_hours_end_in_use(volunteer: Volunteering) -> None:
    volunteer.use.found = [["somebody"]] * 9999

    assert volunteer.spend(DailyHours(22, 6)) == []
    assert volunteer.ran == []
    assert volunteer.clock.at < NIGHT + timedelta(hours=8)


def test_a_pause_goes_on_with_the_same_run(volunteer: Volunteering) -> None:
    volunteer.runs.reverse()
    volunteer.endings = [GuardedEnding(ending="in use", because="somebody"), DONE, DONE]
    volunteer.spend()

    assert [name for name, _ in volunteer.ran] == [SECOND, SECOND, FIRST]


def test_what_was_begun_goes_first_the_next_night(volunteer: Volunteering) -> None:
    volunteer.kept.keep(TakenRun(challenge=NAME, workflow="second", state="begun"))
    volunteer.spend()

    assert [name for name, _ in volunteer.ran] == [SECOND, FIRST]


def test_a_failed_run_is_not_repeated_that_night(volunteer: Volunteering) -> None:
    volunteer.endings = [GuardedEnding(ending="failed", because="no space"), DONE]

    assert volunteer.spend() == [SECOND]
    assert f"{FIRST} failed: no space" in volunteer.said


def test_a_failed_sending_is_tried_the_next_time(volunteer: Volunteering) -> None:
    volunteer.sends = False
    volunteer.spend()
    assert states(volunteer) == {FIRST: "made", SECOND: "made"}

    volunteer.sends = True
    assert volunteer.spend() == []
    assert states(volunteer) == {FIRST: "sent", SECOND: "sent"}
    assert len(volunteer.ran) == 2


def test_an_interrupted_run_ends_the_command(volunteer: Volunteering) -> None:
    volunteer.endings = [GuardedEnding(ending="interrupted")]

    with pytest.raises(KeyboardInterrupt):
        volunteer.spend()
    assert states(volunteer) == {FIRST: "begun"}


def test_unwatched_it_does_not_wait(volunteer: Volunteering) -> None:
    volunteer.use.found = [["somebody"]] * 99
    volunteer.spend(watched=False, once=True)

    assert volunteer.ran == [(FIRST, NIGHT)]
