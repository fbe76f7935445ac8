"""Take part in a board: read its list, ask once for consent, and spend the machine's idle hours on it."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.machine import free_bytes, this_machine
from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.challenges.definition.requirements import CACHE_PLACE
from mlperf_home.leaderboard.participation.board_list import board_address, read_board_list
from mlperf_home.leaderboard.participation.choosing import Volunteer, choose
from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.participation.hours import read_hours, read_length
from mlperf_home.leaderboard.participation.kept import KeptParticipation, require_same_board
from mlperf_home.leaderboard.participation.machine_use import MachineUse
from mlperf_home.leaderboard.participation.night import Night
from mlperf_home.leaderboard.participation.timer import ParticipationTimer, unit_folder
from mlperf_home.product import ENGINE, PRODUCT
from mlperf_home.steps.boards.night_programs import NightPrograms
from mlperf_home.steps.boards.taking_part import own_options, require_taken_part
from scriptgraph.embed import check_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.leaderboard.participation.board_list import BoardList
    from mlperf_home.leaderboard.participation.choosing import ChosenRun
    from mlperf_home.leaderboard.participation.night import Clock
    from scriptgraph.api import Context

_HOUR_S = 3600


class MachineClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the local time."""
        return datetime.now().astimezone()

    def wait(self, seconds: float) -> None:
        """Pause."""
        time.sleep(seconds)


def participate(context: Context, clock: Clock | None = None) -> dict[str, int]:
    """Take part in a board, and return the step's exports.

    Raises:
        LocatedError: an option or the list cannot be used, or the board is not what was consented to.
        SignatureError: the key cannot sign.
        StepFailed: the user does not consent.
    """
    address = board_address(context.text("CM_PARTICIPATE_BOARD"))
    timer = ParticipationTimer(unit_folder(os.environ), address)
    if context.flag("CM_PARTICIPATE_REMOVE_TIMER"):
        _show_left(context, timer.remove(), f"the timer is removed: {timer.timer}")
        return {"CM_PARTICIPATE_RUNS": 0}
    return _Participant(context, address, clock or MachineClock()).taken_part(timer)


class _Participant:
    """One call of the command."""

    def __init__(self, context: Context, address: str, clock: Clock) -> None:
        self._context, self._address, self._clock = context, address, clock
        self._kept = KeptParticipation(context.results_home, address)
        self._hours = read_hours(context.text("CM_PARTICIPATE_HOURS", ""))
        self._most = read_length(context.text("CM_PARTICIPATE_MOST", ""))
        key = context.path("CM_PARTICIPATE_SIGN_KEY")
        self._key = check_key(key, PRODUCT.name) if key else ""
        self._own = own_options(context.text("CM_PARTICIPATE_OPTIONS", ""))
        self._challenges = tuple(find_challenges(ENGINE.repositories().roots)[0])
        self._machine = this_machine()
        self._programs = NightPrograms(context, self._kept, self._own)
        self._shown, self._sample = "", False

    def taken_part(self, timer: ParticipationTimer) -> dict[str, int]:
        context = self._context
        with self._kept.held():
            if context.flag("CM_PARTICIPATE_WITHDRAW"):
                self._kept.consent(None)
                context.say(f"your consent for {self._address} is withdrawn; runs and bundles stay")
                return {"CM_PARTICIPATE_RUNS": 0}
            if context.switches.offline and "://" in self._address:
                raise ParticipationError("--offline", f"{self._address} cannot be read", "name a folder of its pages")
            found = read_board_list(self._address)
            consent = self._kept.read().consent
            receiver = self._receiver(consent.receiver if consent else None)
            if consent is None:
                runs = self._choose(found, self._most.total_seconds() / _HOUR_S if self._most else None)
                self._kept.consent(require_taken_part(context, self._address, found, receiver, runs))
            else:
                require_same_board(consent, found, receiver)
            if context.flag("CM_PARTICIPATE_INSTALL_TIMER"):
                self._install(timer)
                return {"CM_PARTICIPATE_RUNS": 0}
            made = self._night(receiver).spend()
            if not made:
                context.say("nothing was run")
            return {"CM_PARTICIPATE_RUNS": len(made)}

    def _receiver(self, consented: str | None) -> str:
        """Return where bundles go: --send_to, or as consented, or the address of the board."""
        named = self._context.text("CM_PARTICIPATE_SEND_TO", "")
        if named == "nowhere":
            return ""
        return named or (consented if consented is not None else self._address if "://" in self._address else "")

    def _install(self, timer: ParticipationTimer) -> None:
        if self._hours.start == self._hours.end:
            raise ParticipationError("--install_timer", "--hours is missing", "write --hours=22-6: it begins with them")
        texts = {"board": self._address, "hours": self._context.text("CM_PARTICIPATE_HOURS")}
        keys = {"most": "MOST", "sign_key": "SIGN_KEY", "submitter": "SUBMITTER", "options": "OPTIONS"}
        for name, key in keys.items():
            value = self._context.path(f"CM_PARTICIPATE_{key}") if name == "sign_key" else None
            texts[name] = str(value) if value else self._context.text(f"CM_PARTICIPATE_{key}", "")
        options = [f"--{name}={value}" for name, value in texts.items() if value]
        programs = self._programs
        argv = [*programs.program(), "run", "script", "--tags=participate,board", *options, programs.home()]
        left = timer.install(argv, programs.environment(), self._hours)
        _show_left(self._context, left, f"the timer is written: {timer.timer}")

    def _night(self, receiver: str) -> Night:
        context = self._context
        return Night(
            kept=self._kept,
            hours=self._hours,
            most=self._most,
            once=context.flag("CM_PARTICIPATE_ONCE"),
            watched=context.flag("CM_PARTICIPATE_WATCHED"),
            clock=self._clock,
            use=MachineUse(time.monotonic),
            choose=lambda hours: self._choose(self._read_again(receiver), hours),
            run=lambda run, end: self._programs.run(run, end, sample=self._sample),
            send=lambda run: self._programs.send(run, receiver),
            say=context.say,
        )

    def _read_again(self, receiver: str) -> BoardList:
        found, consent = read_board_list(self._address), self._kept.read().consent
        if consent is None:
            raise ParticipationError(self._address, "your consent was withdrawn meanwhile", "nothing more is run")
        require_same_board(consent, found, receiver)
        return found

    def _choose(self, found: BoardList, hours: float | None) -> list[ChosenRun]:
        runs = self._kept.read().runs
        here = Volunteer(
            machine=self._machine,
            challenges=self._challenges,
            options=self._own,
            key=self._key,
            done={name for name, each in runs.items() if each.state != "begun"},
            begun={name for name, each in runs.items() if each.state == "begun"},
            free_bytes=free_bytes({CACHE_PLACE: self._context.results_home, "--results_dir": self._kept.folder}),
        )
        chosen, against = choose(found.wanted, here, hours)
        words = "; ".join(f"{count} {reason}" for reason, count in sorted(against.items()))
        text = f"{len(found.wanted.runs)} runs are wanted, {len(chosen)} fit this machine" + (
            f"; not {words}" if words else ""
        )
        if text != self._shown:
            self._context.say(text)
            self._shown = text
        self._sample = found.wanted.sample
        return chosen


def _show_left(context: Context, left: Sequence[str], done: str) -> None:
    context.say(done)
    for command in left:
        context.warn(f"systemd was not told; type: {command}")
