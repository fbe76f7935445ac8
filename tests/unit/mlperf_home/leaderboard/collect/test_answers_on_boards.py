"""Boards compare the answers in bundles, and take latencies alone beside whole results."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import challenge_homes
import pytest
from answered_results import MODEL, answered, latency_only
from board_homes import Contributors, contributors, needs_ssh, taken

from mlperf_home.leaderboard import commands
from mlperf_home.leaderboard.collect.collector import collect, stored_rows
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.loadgen_logs.answers import AnswerColumn, class_column
from mlperf_home.published.classifiers import read_classifiers

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs_ssh
NAME = next(row.name for row in read_classifiers() if row.model == MODEL)


def _with_500_others(column: AnswerColumn) -> AnswerColumn:
    # The first and the last images are in the kept part of the log.
    values = [9 if 20_000 <= place < 20_500 else value for place, value in enumerate(column.values)]
    return class_column(column.log_sha256, values)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def board(people: Contributors, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Return a board with two contributors' answers, of which 500 of 50,000 differ."""
    made = Board(tmp_path_factory.mktemp("boards") / "board")
    people.home.patch.setattr(challenge_homes, "ours", answered())
    first = people.bundle("Ada", "ada")
    people.home.patch.setattr(challenge_homes, "ours", answered(_with_500_others))
    assert len(taken(made, first, people.bundle("Bob", "bob")).taken) == 2
    return made


def show(board: Board, **options: Any) -> dict[str, Any]:
    command = {"out": "json", "cmd": [], "board": str(board.folder), **options}
    found = commands.answer("show", command)
    assert found["return"] == 0, found
    return found


def results_of(board: Board) -> list[Any]:
    with closing(BoardIndex(board, stored_rows(board))) as index:
        return [each.result for each in index.results()]


def test_a_result_has_the_facts_of_its_answers(board: Board) -> None:
    first, second = (each.answers for each in results_of(board))
    assert (first.kind, first.count) == ("class", 50_000)
    assert first.arithmetic == second.arithmetic != ""
    assert first.sha256 != second.sha256


def test_one_result_tells_the_share_of_equal_answers(board: Board) -> None:
    first, second = results_of(board)
    found = show(board, result=first.id)
    assert found["equal_answers"] == {second.id: 0.99}


def test_two_sides_tell_the_share_of_equal_answers(board: Board) -> None:
    cpu = results_of(board)[0].of.cpu
    (row,) = show(board, versus=f"{cpu},{cpu}")["versus"]
    assert row[-1] == "100.00 % (50,000 of 50,000)"


def test_a_latency_alone_stands_on_a_board_of_real_results(people: Contributors, tmp_path: Path) -> None:
    people.home.patch.setattr(challenge_homes, "ours", latency_only(NAME))
    answer = people.home("run", only="first", new=True)
    assert answer["return"] == 0, answer
    board = Board(tmp_path / "real")
    with board.held():
        board.create(sample=False)
        with closing(BoardIndex(board, stored_rows(board))) as index:
            found = collect(board, index, [Path(answer["bundle"])], lambda _: None)

    assert found.refused == {}
    (result,) = results_of(board)
    assert (result.kind, result.sample, result.model) == ("latency only", False, MODEL)
    assert json.loads(json.dumps(show(board, state="latency only")["choices"])) == []  # not judged yet
