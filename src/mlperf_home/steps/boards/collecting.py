"""Bundles into a board: verified, taken, judged."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.judging import STATES
from mlperf_home.leaderboard.collect.collector import bundle_files, collect, stored_rows
from mlperf_home.leaderboard.collect.judging import judge_results
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.product import PRODUCT
from mlperf_home.steps.launch import run_module
from scriptgraph.api import StepFailed
from scriptgraph.embed import check_key

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.leaderboard.collect.collector import Collected
    from scriptgraph.api import Context

_SHOWN = 10


def collect_bundles(context: Context) -> Collected:
    """Take the bundles of a folder into a board, judge all of its results, and show what became of them.

    Raises:
        LocatedError: the board cannot be used, or the key of the board cannot sign.
        StepFailed: no bundle was taken, and some were refused.
    """
    key = context.path("CM_BOARD_KEY")
    if key is not None:
        check_key(key, PRODUCT.name)
    bundles = bundle_files(context.existing("CM_BOARD_BUNDLES"))
    board = Board(context.output_path("CM_BOARD_DIR", context.results_home / "boards" / "board"))
    with board.held():
        board.create(sample=context.flag("CM_DATASET_SAMPLE"), objects=context.text("CM_BOARD_OBJECTS", ""))
        with closing(open_index(context, board)) as index:
            collected = collect(board, index, bundles, context.say)
            judge_board(context, board, index, key)
            _show(context, board, index, collected)
    if collected.refused and not (collected.taken or collected.known):
        path, reason = next(iter(collected.refused.items()))
        raise StepFailed(f"{path}: {reason}; no bundle was taken, see above")
    return collected


def open_index(context: Context, board: Board) -> BoardIndex:
    """Open a board's index: the file beside it, or the database that --database names."""
    return BoardIndex(board, stored_rows(board), context.text("CM_BOARD_DATABASE", "") or None)


def judge_board(context: Context, board: Board, index: BoardIndex, key: Path | None) -> int:
    """Judge all results in an environment with NumPy; append the verdicts that changed, and return their number."""

    def run_judge(request: Path) -> None:
        words: list[str | Path] = ["mlperf_home.leaderboard.judge", "--request", request]
        run_module(context.command, [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")], words)

    changed, answer = judge_results(board, index, context.output, run_judge, key)
    for record in answer.keys:
        for doubt in record.doubts:
            context.warn(f"key {record.key}: {doubt}")
    return changed


def _show(context: Context, board: Board, index: BoardIndex, collected: Collected) -> None:
    for path, reason in list(collected.refused.items())[:_SHOWN]:
        context.warn(f"{path.name} was refused: {reason}")
    states = [each.judgement.state for each in index.results()]
    mark = "SAMPLE BOARD, no MLPerf results: " if board.settings.sample else ""
    rows = [
        ("bundles", f"{len(collected.taken)} taken, {len(collected.known)} known, {len(collected.refused)} refused"),
        ("results", f"{len(states)} on the board, not verified by MLCommons"),
        *((state, str(states.count(state))) for state in STATES if state in states),
    ]
    context.table(f"{mark}{board.settings.name}", rows)
