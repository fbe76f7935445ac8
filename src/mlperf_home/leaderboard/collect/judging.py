"""Judge all results of a held board, and append the verdicts that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.leaderboard.judging import ANSWER_FILE, JUDGING_LIMITS, JudgeAnswer
from mlperf_home.leaderboard.collect.verdicts import changed_verdicts
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.product import PRODUCT
from scriptgraph.embed import sign_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.leaderboard.store.index import BoardIndex


def judge_results(
    board: Board, index: BoardIndex, folder: Path, run_judge: Callable[[Path], None], key: Path | None
) -> tuple[int, JudgeAnswer]:
    """Judge a board.

    Args:
        board: the held board.
        index: its index, which is brought up to date.
        folder: a folder for the request and the answer.
        run_judge: runs the judge on a request; its answer lies beside the request.
        key: the board's key, which signs the verdicts.

    Returns:
        The number of verdicts that changed, and the judge's answer.
    """
    path = folder / "request.json"
    write_document(path, index.request(published_rows(board.settings.crowd)))
    run_judge(path)
    answer = read_document(path.with_name(ANSWER_FILE), JudgeAnswer, JUDGING_LIMITS)
    lines = changed_verdicts(answer, index)
    if lines:
        written = board.verdicts.add(lines)
        if key is not None:
            sign_file(written, key, PRODUCT.name)
    index.catch_up()
    index.keep_predictions(answer.predictions)
    return len(lines), answer
