"""A board whose bundles are in a bucket is collected, shown and made again like any other."""

from __future__ import annotations

import gzip
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from board_homes import needs_ssh, taken
from s3_servers import BUCKET, S3Server, s3_server

from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store import s3
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.leaderboard.store.objects import object_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.leaderboard.store.index import JudgedResult

    Bundles = dict[str, Path]

pytestmark = needs_ssh


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def place(server: S3Server, request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{request.node.name}"


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board")


def results(board: Board) -> list[JudgedResult]:
    with closing(BoardIndex(board, stored_rows(board))) as index:
        return index.results()


def forget_index(board: Board) -> None:
    for path in board.folder.glob("index.sqlite*"):
        path.unlink()


def test_later_commands_need_no_address(board: Board, bundles: Bundles, place: str, tmp_path: Path) -> None:
    taken(board, bundles["ada"], objects=place)
    taken(board, bundles["bob"])
    before = results(board)
    assert len(before) == 2
    assert not (board.folder / "objects").exists()

    forget_index(board)
    assert results(Board(board.folder)) == before

    site = tmp_path / "site"
    with closing(BoardIndex(board, stored_rows(board))) as index:
        publish(board, site_data(board, index, ()), site)
    copies = sorted((site / "bundles").iterdir())
    assert [path.name for path in copies] == sorted(f"{each.result.bundle}.tar.gz" for each in before)
    assert all(b"Ada" not in gzip.decompress(path.read_bytes()) for path in copies)


def test_a_server_that_goes_away_leaves_nothing_half_taken(
    board: Board, bundles: Bundles, server: S3Server, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PATIENCE_S", 0.01)
    taken(board, bundles["ada"], objects=place)
    with server.stopped(), pytest.raises(BoardError, match=f"{place}: cannot be used"):
        taken(Board(board.folder), bundles["bob"])
    assert len(list(board.journal.events())) == 1
    assert [each.name for each in board.names().values()] == ["Ada"]
    found = taken(Board(board.folder), bundles["ada"], bundles["bob"])
    assert (len(found.known), len(found.taken)) == (1, 1)


def test_an_object_that_was_changed_is_named(board: Board, bundles: Bundles, server: S3Server, place: str) -> None:
    receipt = next(iter(taken(board, bundles["ada"], objects=place).taken.values()))
    server.put(f"{place.removeprefix(f's3://{BUCKET}/')}/{object_name(receipt.bundle)}", b"other bytes")
    forget_index(board)
    with pytest.raises(BoardError, match="is lost or changed, but a receipt names it"):
        results(Board(board.folder))
