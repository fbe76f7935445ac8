"""The same statements work in SQLite and in PostgreSQL, and faults of either are one line."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from board_results import result
from postgresql_servers import postgresql_server

from mlperf_home.contracts.leaderboard.events import Forgetting, Receipt, VerdictLine, Voucher
from mlperf_home.contracts.leaderboard.judging import Judgement
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.database import open_database
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.leaderboard.store.database import Database


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    yield from postgresql_server()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "index.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgresql")


def receipt(number: int) -> Receipt:
    digest = f"{number:064x}"
    return Receipt(
        number=number, batch=1, bundle=digest, archive=digest, taken_utc="2026-12-01T00:00:00+00:00",
        made_utc="2026-12-01T00:00:00+00:00", challenge="c", key="key-1", results=1,
    )  # fmt: skip


def test_an_index_holds_results_verdicts_and_keys(tmp_path: Path, place: str) -> None:
    board = Board(tmp_path / "board")
    with board.held():
        board.create(sample=False)
        voucher = Voucher(key="key-1", vouched=True, day="2026-12-01")
        board.journal.append([receipt(1), voucher, Forgetting(contributor="abc", day="2026-12-01")])
        with closing(BoardIndex(board, lambda each: [result(each.number, contributor="100 % pure")], place)) as index:
            assert index.events() == 3
            assert [each.result.id for each in index.results(benchmark="resnet")] == ["r1"]
            assert index.results(state="replicated") == []
            assert index.receipt_of(f"{1:064x}"[:60]) == receipt(1)
            assert index.receipt_of("f") is None
            assert index.request().vouched == ("key-1",)
            assert list(index.forgotten()) == ["abc"]
            judged = Judgement(result="r1", state="replicated", credited=True)
            board.verdicts.add([VerdictLine(judgement=judged, utc="2026-12-01T00:00:00+00:00", events=3)])
            index.catch_up()
            assert [each.judgement for each in index.results(contributor="100 % pure")] == [judged]


def insert_twice(database: Database) -> None:
    with database.transaction():
        for _ in range(2):
            database.run("INSERT INTO trial (name) VALUES (?)", ("a",))


def test_a_transaction_that_fails_leaves_nothing(place: str) -> None:
    with closing(open_database(place)) as database:
        database.run("DROP TABLE IF EXISTS trial")
        database.run("CREATE TABLE trial (name TEXT PRIMARY KEY)")
        with pytest.raises(BoardError):
            insert_twice(database)
        assert database.rows("SELECT name FROM trial") == []


def test_a_database_that_is_down_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(BoardError) as caught:
        open_database("postgresql://me:secret@127.0.0.1:1/board")
    assert "127.0.0.1:1/board: cannot be used" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_index_of_another_layout_is_refused(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.create(sample=False)
    board.journal.append([receipt(1)])
    with closing(BoardIndex(board, lambda _: [])):
        pass
    with closing(open_database(tmp_path / "index.sqlite")) as database:
        database.run("UPDATE facts SET value = '0' WHERE name = 'layout'")
    with pytest.raises(BoardError, match="has the layout 0, this version writes 1; remove it"):
        BoardIndex(board, lambda _: [])


def test_a_damaged_journal_is_located(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.create(sample=False)
    board.journal.append([receipt(1)])
    board.journal.path.write_text(board.journal.path.read_text().replace('"number":1', '"number":"x"'))
    with pytest.raises(BoardError, match="line 1: is damaged"):
        list(board.journal.events())


def test_what_a_killed_writer_left_is_not_read(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.create(sample=False)
    board.journal.append([receipt(1)])
    with board.journal.path.open("a") as file:
        file.write('{"kind":"receipt","num')
    assert len(list(board.journal.events())) == 1
    board.journal.append([receipt(2)])
    assert [each.number for each in board.journal.events() if isinstance(each, Receipt)] == [1, 2]
