"""A worker: it verifies what waits, the oldest first, takes it, and publishes when nothing waits any more."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from mlperf_home.challenges.verification.confinement import Confinement
from mlperf_home.challenges.verification.verification import BundleError
from mlperf_home.contracts.leaderboard.service import JudgedUpload, WorkerEvent
from mlperf_home.leaderboard.collect.collector import RefusedError, check_bundle, take_checked
from mlperf_home.leaderboard.collect.rows import result_ids
from mlperf_home.leaderboard.service.spool import digest_of
from mlperf_home.leaderboard.service.upload_states import utc_of
from mlperf_home.leaderboard.service.worker.publication import Publication
from mlperf_home.leaderboard.store.board import Board, now_utc
from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.embed import ProcessFailed
from scriptgraph.printable import shortened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.service import ServiceJob
    from mlperf_home.leaderboard.service.spool import Spool
    from mlperf_home.leaderboard.service.worker.bell import Bell

    Tell = Callable[[WorkerEvent], None]

LIMITS = Confinement()
_POLL_S, _CLEANING_S = 30.0, 3600.0
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0)
_MOST_UNPUBLISHED = 50
_MOST_TRIES = 3
_MOST_LETTERS = 500
_PASSING = (BoardError, OSError, ProcessFailed)
"""Faults of disk, database and machine: the upload waits until they are gone."""


class Worker:
    """Verifies, takes and publishes uploads of a board."""

    def __init__(self, job: ServiceJob, spool: Spool, database: str, tell: Tell, limits: Confinement = LIMITS) -> None:
        self._spool, self._tell, self._limits = spool, tell, limits
        self._board, self._publication = Board(job.board), Publication(job, spool, database)
        self._fails, self._cleaned_s = 0, time.monotonic()
        self._tries: dict[str, int] = {}
        self._postponed: dict[str, float] = {}

    def run(self, bell: Bell) -> None:
        """Work until the service ends."""
        while not bell.ended:
            try:
                busy = self.step()
                self._fails = 0
            except _PASSING as error:
                self._wait_for(error)
                bell.wait(_PAUSES_S[min(self._fails, len(_PAUSES_S)) - 1])
                continue
            if not busy:
                self._clean()
                bell.wait(_POLL_S if not self._postponed else _PAUSES_S[0])

    def _clean(self) -> None:
        now = time.monotonic()
        if now - self._cleaned_s > _CLEANING_S:
            self._cleaned_s = now
            self._spool.prepare()

    def step(self) -> bool:
        """Work off what waits, up to a number; publish; return whether more waits.

        Raises:
            BoardError, OSError, ProcessFailed: disk, database or machine fail at the moment; nothing is lost.
        """
        done = 0
        while done < _MOST_UNPUBLISHED and self._work_off_one():
            done += 1
        began_s = time.monotonic()
        if (written := self._publication.renew()) is not None:
            words = f"{written.changed} of {written.files} files"
            self._tell(WorkerEvent(event="published", words=words, seconds=_since(began_s)))
        return done == _MOST_UNPUBLISHED

    def _work_off_one(self) -> bool:
        """Verify the oldest upload that waits; return False if none does."""
        now = time.monotonic()
        self._postponed = {digest: until for digest, until in self._postponed.items() if until > now}
        with self._spool.claimed(self._postponed) as path:
            if path is None:
                return False
            judged = self._judged(path)
            if judged is not None:
                self._spool.end(path, judged)
                self._tries.pop(judged.upload, None)
                self._tell(
                    WorkerEvent(
                        event="judged", upload=judged.upload, words=judged.state, reason=judged.reason,
                        seconds=_since(now),
                    )
                )  # fmt: skip
        return True

    def _judged(self, path: Path) -> JudgedUpload | None:
        """Return what becomes of an upload; None if that has to wait."""
        digest, stat = digest_of(path), path.stat()
        judged = JudgedUpload(
            upload=digest, bytes=stat.st_size, received_utc=utc_of(stat.st_mtime), ended_utc=now_utc(), state="taken"
        )
        try:
            facts = self._taken(path)
        except (RefusedError, BundleError) as error:
            if self._spool.is_short():
                self._postpone(digest, "the disk is full")
                return None
            reason = error.problem if isinstance(error, BundleError) else str(error)
            facts = {"state": "refused", "reason": shortened(reason)[:_MOST_LETTERS]}
        except _PASSING as error:
            self._postpone(digest, shortened(str(error))[:_MOST_LETTERS])
            return None
        except Exception as error:  # noqa: BLE001 - one upload must not stand in the way of the others
            self._tries[digest] = tries = self._tries.get(digest, 0) + 1
            reason = shortened(f"{type(error).__name__}: {error}")[:_MOST_LETTERS]
            if tries < _MOST_TRIES:
                self._postpone(digest, reason)
                return None
            facts = {"state": "set aside", "reason": f"the service failed at it {tries} times ({reason})"}
        return msgspec.structs.replace(judged, **facts, ended_utc=now_utc())

    def _taken(self, path: Path) -> dict[str, Any]:
        with self._spool.scratch_folder() as folder:
            verified, digest = check_bundle(path, folder, self._limits)
            with self._board.held(), closing(self._publication.open_index()) as index:
                receipt = index.receipt_of(digest)
                if receipt is None:
                    receipt = take_checked(self._board, index, verified, digest, folder)
                return {
                    "bundle": receipt.bundle,
                    "receipt": receipt.number,
                    "events": index.events(),
                    "results": tuple(result_ids(verified.root, receipt)),
                }

    def _postpone(self, digest: str, reason: str) -> None:
        pause_s = _PAUSES_S[min(self._fails, len(_PAUSES_S) - 1)]
        self._postponed[digest] = time.monotonic() + pause_s
        self._tell(WorkerEvent(event="waits", upload=digest, reason=reason))

    def _wait_for(self, error: Exception) -> None:
        self._fails += 1
        self._tell(
            WorkerEvent(event="waits", words="disk, database or machine", reason=shortened(str(error))[:_MOST_LETTERS])
        )


def _since(began_s: float) -> float:
    return round(time.monotonic() - began_s, 3)
