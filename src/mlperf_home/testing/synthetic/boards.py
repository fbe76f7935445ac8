"""Boards of made-up bundles: collected and judged in this process, which needs NumPy and SciPy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.collect.collector import collect, stored_rows
from mlperf_home.leaderboard.collect.verdicts import changed_verdicts
from mlperf_home.leaderboard.judge.judge import judge_of
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.judging import JudgeAnswer
    from mlperf_home.leaderboard.collect.collector import Collected
    from mlperf_home.leaderboard.store.board import Board


@contextmanager
def opened(board: Board) -> Iterator[BoardIndex]:
    """Open a board of tests, which is made if it is absent: it takes samples only, and learns from real results."""
    with board.held():
        board.create(sample=True, crowd="images")
        index = BoardIndex(board, stored_rows(board))
        try:
            yield index
        finally:
            index.close()


def collected(board: Board, index: BoardIndex, bundles: Sequence[Path]) -> Collected:
    """Take bundles as one batch."""
    return collect(board, index, bundles, lambda _: None)


def judged(board: Board, index: BoardIndex) -> JudgeAnswer:
    """Judge a board, and keep the verdicts."""
    crowd = board.settings.crowd
    answer = judge_of(crowd).judge(index.request(published_rows(crowd)))
    if lines := changed_verdicts(answer, index):
        board.verdicts.add(lines)
    index.catch_up()
    index.keep_predictions(answer.predictions)
    return answer
