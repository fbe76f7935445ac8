"""Bundles are taken once, by whom they are signed, and nothing else is let in."""

from __future__ import annotations

import gzip
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from board_homes import Contributors, needs_ssh, taken

from mlperf_home.challenges.verification.confinement import Confinement
from mlperf_home.contracts.leaderboard.events import Forgetting, Receipt
from mlperf_home.leaderboard.collect import collector
from mlperf_home.leaderboard.collect.collector import bundle_files, stored_rows
from mlperf_home.leaderboard.collect.statements import rotation, withdrawal
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from pathlib import Path

    Bundles = dict[str, Path]

pytestmark = needs_ssh


def index_of(board: Board) -> BoardIndex:
    return BoardIndex(board, stored_rows(board))


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board")


def test_bundles_are_taken_with_receipts(board: Board, bundles: Bundles) -> None:
    found = taken(board, bundles["ada"], bundles["unsigned"])
    receipts = list(board.journal.events())
    assert [each.number for each in receipts if isinstance(each, Receipt)] == [1, 2]
    assert [bool(each.key) for each in found.taken.values()] == [True, False]
    assert [each.results for each in found.taken.values()] == [1, 1]
    assert [each.name for each in board.names().values()] == ["Ada"]
    with closing(index_of(board)) as index:
        results = [each.result for each in index.results()]
    assert [each.key != "" for each in results] == [True, False]
    assert {each.judgement.state for each in index_results(board)} == {"verified"}


def index_results(board: Board) -> list[object]:
    with closing(index_of(board)) as index:
        return list(index.results())


def test_a_bundle_is_taken_once(board: Board, bundles: Bundles) -> None:
    taken(board, bundles["ada"])
    assert list(taken(board, bundles["ada"]).known.values()) == [1]
    assert len(list(board.journal.events())) == 1


def test_the_stored_bundle_has_no_name(board: Board, bundles: Bundles, tmp_path: Path) -> None:
    receipt = next(iter(taken(board, bundles["ada"]).taken.values()))
    stored = board.archive(receipt, tmp_path)
    assert b"Ada" not in gzip.decompress(stored.read_bytes())
    assert "Ada" not in board.journal.path.read_text()
    assert list(taken(board, stored).known.values()) == [1]


def test_a_name_belongs_to_its_key(board: Board, bundles: Bundles) -> None:
    found = taken(board, bundles["ada"], bundles["thief"], bundles["renamed"])
    assert list(found.taken) == [bundles["ada"]]
    assert found.refused[bundles["thief"]] == "another key uses the name ADA"
    assert "has the name Ada here" in found.refused[bundles["renamed"]]


def test_what_is_no_bundle_is_refused_and_others_go_on(board: Board, bundles: Bundles, tmp_path: Path) -> None:
    junk, cut = tmp_path / "junk.tar.gz", tmp_path / "cut.tar.gz"
    junk.write_bytes(b"\x1f\x8b junk")
    cut.write_bytes(bundles["ada"].read_bytes()[:3000])
    found = taken(board, junk, cut, bundles["ada"])
    assert set(found.refused) == {junk, cut}
    assert list(found.taken) == [bundles["ada"]]


def test_a_large_file_is_refused_unread(board: Board, bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MOST_BYTES", 100)
    assert "more than" in taken(board, bundles["ada"]).refused[bundles["ada"]]


def test_samples_are_no_results_of_a_real_board(board: Board, bundles: Bundles) -> None:
    board.folder.mkdir()
    board.create(sample=False)
    refused = taken(board, bundles["ada"]).refused
    assert refused[bundles["ada"]] == "it holds samples, and this is a board of real results"


def test_a_hungry_bundle_is_ended(board: Board, bundles: Bundles) -> None:
    with board.held():
        board.create(sample=True)
        with closing(index_of(board)) as index:
            limits = Confinement(memory_bytes=64 << 20)
            found = collector.collect(board, index, [bundles["ada"]], lambda _: None, limits)
    assert "memory" in found.refused[bundles["ada"]]


def test_the_index_is_made_again_from_the_board(board: Board, bundles: Bundles) -> None:
    taken(board, bundles["ada"], bundles["bob"])
    before = index_results(board)
    for path in board.folder.glob("index.sqlite*"):
        path.unlink()
    assert index_results(board) == before


def test_a_lost_object_is_named(board: Board, bundles: Bundles, tmp_path: Path) -> None:
    receipt = next(iter(taken(board, bundles["ada"]).taken.values()))
    board.archive(receipt, tmp_path).unlink()
    (board.folder / "index.sqlite").unlink()
    with pytest.raises(BoardError, match="is lost or changed, but a receipt names it"):
        index_of(board)


def test_only_the_signer_withdraws(board: Board, bundles: Bundles, senders: Contributors) -> None:
    receipt = next(iter(taken(board, bundles["ada"]).taken.values()))
    with closing(index_of(board)) as index:
        with pytest.raises(BoardError, match="only its signer withdraws"):
            withdrawal(index, receipt.bundle[:10], senders.keys["bob"])
        board.journal.append([withdrawal(index, receipt.bundle[:10], senders.keys["ada"])])
        index.catch_up()
        assert list(index.withdrawn()) == [receipt.bundle]
        with pytest.raises(BoardError, match="already withdrawn"):
            withdrawal(index, receipt.bundle, senders.keys["ada"])


def test_a_key_hands_over_once(board: Board, bundles: Bundles, senders: Contributors) -> None:
    taken(board, bundles["ada"])
    with closing(index_of(board)) as index:
        event = rotation(index, senders.keys["ada"], senders.keys["bob"])
        board.journal.append([event])
        index.catch_up()
        assert index.request().successors == {event.key: event.successor}
        with pytest.raises(BoardError, match="cannot follow"):
            rotation(index, senders.keys["ada"], senders.keys["thief"])


def test_a_forgotten_name_stays_forgotten(board: Board, bundles: Bundles, senders: Contributors) -> None:
    receipt = next(iter(taken(board, bundles["ada"]).taken.values()))
    board.erase_name(receipt.contributor)
    board.journal.append([Forgetting(contributor=receipt.contributor, day="2026-12-01")])
    again = senders.bundle("Ada", "ada")
    assert list(taken(board, again).taken) == [again]
    assert board.names() == {}
    files = [path for path in board.folder.rglob("*") if path.is_file()]
    contents = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)
    assert b"Ada" not in b"".join(contents)


def test_a_folder_that_is_no_board_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos.txt").write_text("x")
    with pytest.raises(BoardError, match=r"holds 'photos\.txt', no board"):
        Board(tmp_path).create(sample=True)


def test_bundles_are_found_below_a_folder(tmp_path: Path, bundles: Bundles) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    shutil.copyfile(bundles["ada"], tmp_path / "a" / "b" / "x.tar.gz")
    assert bundle_files(tmp_path) == [tmp_path / "a" / "b" / "x.tar.gz"]
    assert bundle_files(bundles["ada"]) == [bundles["ada"]]
