"""Judge a board and write its pages, once its journal has something that the pages lack."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.collect.judging import judge_results
from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store.board import Board, now_utc
from mlperf_home.leaderboard.store.index import BoardIndex
from scriptgraph.api import program_environment
from scriptgraph.embed import run

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.service import ServiceJob
    from mlperf_home.leaderboard.service.spool import Spool
    from mlperf_home.leaderboard.site.publish import Published


class Publication:
    """The pages of a board, and whether they lack something."""

    def __init__(self, job: ServiceJob, spool: Spool, database: str) -> None:
        self._job, self._spool, self._database = job, spool, database
        self._board = Board(job.board)

    def open_index(self) -> BoardIndex:
        """Open the index of the held board. Raise BoardError if the database fails."""
        return BoardIndex(self._board, stored_rows(self._board), self._database or None)

    def renew(self) -> Published | None:
        """Judge and publish if the journal has grown; return what was written, None if nothing was missing.

        Raises:
            BoardError: the database fails, or the disk is full.
            ProcessFailed: the judge failed.
        """
        if self._events() == self._spool.published().events:
            return None
        with self._spool.publishing(), self._spool.scratch_folder() as folder:
            with self._board.held(), closing(self.open_index()) as index:
                events = index.events()
                if events == self._spool.published().events:
                    return None
                judge_results(self._board, index, folder, self._judge, self._job.key)
                published = rows_beside(sample=self._board.settings.sample) if self._job.published else []
                data = site_data(self._board, index, published)
            written = publish(self._board, data, self._job.site, self._job.key)
            self._spool.keep_published(events, now_utc())
        return written

    def _events(self) -> int:
        with self._board.held(), closing(self.open_index()) as index:
            return index.events()

    def _judge(self, request: Path) -> None:
        argv = [str(self._job.judge), str(BOOTSTRAP), "mlperf_home.leaderboard.judge", "--request", str(request)]
        folder = request.parent
        run(argv, env=program_environment({}), cwd=folder, log=folder / "judge.log").require_success()
