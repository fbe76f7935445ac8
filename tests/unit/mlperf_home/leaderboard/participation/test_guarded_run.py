"""A run ends as by Ctrl-C when somebody uses the machine, or when its time is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import NAME, challenge_home
from volunteers import NIGHT, SetClock, SetUse

from mlperf_home.contracts.leaderboard.participation import GuardedRun
from mlperf_home.leaderboard.participation.guarded_run import Guard, GuardedEnding, run_challenge, run_guarded

if TYPE_CHECKING:
    import threading
    from datetime import datetime
    from pathlib import Path

FREE: list[str] = []


@dataclass
class Run:
    """A run that ends after some looks of its guard, or when it is interrupted often enough."""

    looks: int
    deaf: int = 0
    clock: SetClock = field(default_factory=SetClock)
    interrupts: int = 0
    interrupted: datetime | None = None

    def wait(self, _ended: threading.Event, seconds: float) -> bool:
        self.looks -= 1
        self.clock.wait(seconds)
        return self.looks < 0 or self.interrupts > self.deaf

    def interrupt(self) -> None:
        self.interrupts += 1
        self.interrupted = self.interrupted or self.clock.at

    def guard(self, use: SetUse, **request: Any) -> Guard:
        made = GuardedRun(challenge=NAME, command={}, **request)
        return Guard(use, made, self.clock.now, self.wait, self.interrupt)  # type: ignore[arg-type]


def test_a_free_machine_is_left_alone() -> None:
    run = Run(looks=3)
    guard = run.guard(SetUse())
    guard.watch()

    assert (guard.found, run.interrupts) == (None, 0)


def test_somebody_who_comes_ends_the_run() -> None:
    run = Run(looks=9)
    guard = run.guard(SetUse([FREE, FREE, ["it runs on its battery"]]))
    guard.watch()

    assert guard.found == GuardedEnding(ending="in use", because="it runs on its battery")
    assert run.interrupts == 1


def test_a_lost_interruption_is_repeated() -> None:
    run = Run(looks=9, deaf=2)
    run.guard(SetUse([FREE, ["somebody"]])).watch()

    assert run.interrupts == 3


def test_its_time_ends_the_run() -> None:
    run = Run(looks=99)
    guard = run.guard(SetUse(), ends_utc=(NIGHT + timedelta(seconds=90)).isoformat())
    guard.watch()

    assert guard.found is not None
    assert guard.found.ending == "over"
    assert run.interrupted == NIGHT + timedelta(seconds=90)


def test_an_unwatched_run_ends_by_time_alone() -> None:
    run = Run(looks=5)
    guard = run.guard(SetUse([["somebody"]] * 9), watched=False)
    guard.watch()

    assert guard.found is None


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        ({"return": 0, "bundle": "/b"}, GuardedEnding(ending="done", bundle="/b")),
        ({"return": 1, "error": "no space"}, GuardedEnding(ending="failed", because="no space")),
        ({"return": 130}, GuardedEnding(ending="interrupted")),
    ],
)
def test_an_answer_tells_how_it_ended(answer: dict[str, Any], ending: GuardedEnding) -> None:
    assert run_guarded(Run(looks=0).guard(SetUse()), lambda: answer) == ending


def test_an_interruption_by_the_guard_has_its_reason() -> None:
    guard = Run(looks=9).guard(SetUse([FREE, ["somebody"]]))

    def run() -> dict[str, Any]:
        raise KeyboardInterrupt

    guard.watch()
    assert run_guarded(guard, run).because == "somebody"


def test_a_challenge_runs_its_workflow_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = challenge_home(tmp_path, monkeypatch)
    command = {"only": "second", "sample": True, "home": str(home.home), "results_dir": str(tmp_path / "results")}
    answer = run_challenge(GuardedRun(challenge=NAME, command=command))

    assert answer["return"] == 0, answer
    assert {each["tags"] for each in home.ran} == {"run,second,_sample"}
    assert answer["bundle"].startswith(str(tmp_path / "results"))
