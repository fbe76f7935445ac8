"""The folder of a machine's participation in a board: the consent with the pinned key, and the runs.

HOME/participation/<mark of the address>/participation.json
HOME/participation/<mark of the address>/<challenge>/<workflow>/   a run, as `cm run challenge` keeps it
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.leaderboard.participation import PARTICIPATION_LIMITS, BoardConsent, Participation, TakenRun
from mlperf_home.leaderboard.participation.errors import ParticipationError
from scriptgraph.errors import DocumentError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.leaderboard.participation.board_list import BoardList
    from mlperf_home.leaderboard.participation.choosing import ChosenRun

_FILE = "participation.json"
_DIGITS = 12


def mark_of(address: str) -> str:
    """Return a short name of a board's address for files."""
    return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:_DIGITS]


class KeptParticipation:
    """What a home keeps of one board."""

    def __init__(self, home: Path, address: str) -> None:
        self.folder, self.address = home / "participation" / mark_of(address), address

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the board for this process.

        Raises:
            ParticipationError: another process takes part in it, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("w")
        except OSError as error:
            advice = "name a home that you can write to by --home"
            raise ParticipationError(self.folder, f"cannot be written ({error.strerror})", advice) from None
        with file:
            if not locks.acquire(file, wait=False):
                advice = "wait for it, or end it by Ctrl-C (a timer's: systemctl --user stop)"
                raise ParticipationError(self.address, "another process takes part in this board", advice)
            yield

    def read(self) -> Participation:
        """Return what is kept. Raise ParticipationError if it is damaged."""
        path = self.folder / _FILE
        if not path.is_file():
            return Participation()
        try:
            return read_layout(path, Participation, PARTICIPATION_LIMITS)
        except DocumentError as error:
            problem = f"is damaged ({error.pointer or 'it'}: {error.problem})"
            raise ParticipationError(path, problem, "remove it: you are asked for your consent again") from None

    def consent(self, consent: BoardConsent | None) -> None:
        """Keep a consent, or withdraw it."""
        self._write(msgspec.structs.replace(self.read(), consent=consent))

    def keep(self, run: TakenRun) -> None:
        """Keep the state of a run."""
        known = self.read()
        name = f"{run.challenge}/{run.workflow}"
        self._write(msgspec.structs.replace(known, runs={**known.runs, name: run}))

    def results(self, run: ChosenRun) -> Path:
        """Return the folder of a run."""
        return self.folder / run.challenge.name / run.workflow.name

    def _write(self, participation: Participation) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_document(self.folder / _FILE, participation)
        except OSError as error:
            raise ParticipationError(self.folder, f"cannot be written ({error.strerror})", "free some space") from None


def require_same_board(consent: BoardConsent, found: BoardList, receiver: str) -> None:
    """Raise ParticipationError if a list is not what was consented to: its key, its kind, or the receiver."""
    advice = "ask the organiser; if it is right, withdraw your consent by --withdraw_consent and consent anew"
    if consent.key != found.key:
        was, now = (f"signed by {key}" if key else "unsigned" for key in (consent.key, found.key))
        raise ParticipationError(consent.address, f"its list is {now}, and was {was} at your consent", advice)
    if consent.sample != found.wanted.sample:
        raise ParticipationError(consent.address, "it was of samples at your consent, or is now", advice)
    if consent.receiver != receiver:
        problem = (
            f"bundles would go to {receiver or 'nowhere'}, and your consent is for {consent.receiver or 'nowhere'}"
        )
        raise ParticipationError(consent.address, problem, "leave out --send_to, or consent anew by --withdraw_consent")
