"""A worker takes what is valid, refuses the rest with a reason, publishes, and waits for what comes back."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from board_homes import needs_ssh
from postgresql_servers import postgresql_server

from mlperf_home.contracts.leaderboard.events import Forgetting, Receipt
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.service.spool import Spool
from mlperf_home.leaderboard.service.upload_states import status_of
from mlperf_home.leaderboard.service.worker import worker as worker_module
from mlperf_home.leaderboard.service.worker.bell import Bell
from mlperf_home.leaderboard.service.worker.worker import Worker
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex

pytest.importorskip("starlette", reason="Starlette is not installed in this Python")
pytest.importorskip("scipy", reason="SciPy is not installed in this Python")
from board_services import job_of_board, sample_board

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.service import UploadStatus, WorkerEvent
    from mlperf_home.leaderboard.store.board import Board

    Bundles = dict[str, Path]

pytestmark = needs_ssh


class Desk:
    """A board of samples, its uploads, and a worker."""

    def __init__(self, folder: Path) -> None:
        self.board: Board = sample_board(folder / "board")
        self.spool = Spool(self.board.folder, least_free=0)
        self.spool.prepare()
        self.events: list[WorkerEvent] = []
        self.folder = folder

    def worker(self, database: str = "", **job: Any) -> Worker:
        return Worker(job_of_board(self.board.folder, self.folder, **job), self.spool, database, self.events.append)

    def upload(self, archive: Path) -> str:
        digest = sha256_of(archive)
        with self.spool.receiving(digest) as receiving:
            assert receiving is not None
            receiving.write(archive.read_bytes())
            assert receiving.accept()
        return digest

    def status(self, digest: str) -> UploadStatus:
        status = status_of(self.spool, digest)
        assert status is not None
        return status

    def receipts(self) -> list[int]:
        return [each.number for each in self.board.journal.events() if isinstance(each, Receipt)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_valid_upload_is_taken_judged_and_published(desk: Desk, bundles: Bundles) -> None:
    digest = desk.upload(bundles["ada"])

    assert desk.worker().step() is False

    status = desk.status(digest)
    site = desk.board.folder / "site"
    assert status.state == "published"
    assert status.receipt == 1
    assert all((site / page).is_file() for page in status.results)
    assert len(status.results) == 1
    assert (site / "bundles" / f"{status.bundle}.tar.gz").is_file()
    with closing(BoardIndex(desk.board, stored_rows(desk.board))) as index:
        assert "not judged yet" not in str([each.judgement for each in index.results()])
    assert [each.event for each in desk.events] == ["judged", "published"]
    assert desk.spool.waiting() == []


def test_what_is_no_bundle_is_refused_with_a_reason(desk: Desk, bundles: Bundles, tmp_path: Path) -> None:
    junk, cut = tmp_path / "junk", tmp_path / "cut"
    junk.write_bytes(b"GIF89a")
    cut.write_bytes(bundles["bob"].read_bytes()[:4000])
    digests = [desk.upload(junk), desk.upload(cut), desk.upload(bundles["thief"])]
    last = desk.upload(bundles["ada"])

    desk.worker().step()

    states = [desk.status(each) for each in digests]
    assert [each.state for each in states[:2]] == ["refused", "refused"]
    assert all(each.reason for each in states[:2])
    assert str(tmp_path) not in str(states)
    assert desk.status(last).state == "refused"
    assert "another key uses the name" in desk.status(last).reason


def test_a_bundle_under_another_archive_is_the_same(desk: Desk, bundles: Bundles, tmp_path: Path) -> None:
    worker = desk.worker()
    first = desk.upload(bundles["ada"])
    worker.step()
    stored = desk.board.folder / "site" / "bundles" / f"{desk.status(first).bundle}.tar.gz"
    copy = tmp_path / "copy.tar.gz"
    shutil.copyfile(stored, copy)

    second = desk.upload(copy)
    worker.step()

    assert second != first
    assert desk.status(second).receipt == desk.status(first).receipt == 1
    assert desk.receipts() == [1]


def test_a_database_that_is_gone_delays_and_loses_nothing(desk: Desk, bundles: Bundles) -> None:
    pytest.importorskip("psycopg")
    digest = desk.upload(bundles["ada"])

    with pytest.raises(BoardError, match="cannot be used"):
        desk.worker("postgresql://me@127.0.0.1:1/board").step()
    assert desk.status(digest).state == "queued"
    assert desk.events[0].event == "waits"
    desk.worker().step()

    assert desk.status(digest).state == "published"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    yield from postgresql_server()


def test_the_index_may_be_in_postgresql(desk: Desk, bundles: Bundles, postgresql: str) -> None:
    digests = [desk.upload(bundles[name]) for name in ("ada", "bob")]

    desk.worker(postgresql).step()

    assert [desk.status(each).state for each in digests] == ["published", "published"]
    assert not (desk.board.folder / "index.sqlite").exists()


def test_a_full_disk_refuses_no_bundle(desk: Desk, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"x")
    digest = desk.upload(junk)
    full = Desk(tmp_path)
    full.spool = Spool(desk.board.folder, least_free=1 << 60)

    full.worker().step()

    assert full.events[0].reason == "the disk is full"
    assert desk.status(digest).state == "queued"


def test_an_upload_that_breaks_the_service_is_set_aside(
    desk: Desk, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(worker_module, "_PAUSES_S", (0.0,))
    monkeypatch.setattr(worker_module, "check_bundle", broken)
    digest = desk.upload(bundles["ada"])

    desk.worker().step()

    assert desk.status(digest).state == "set aside"
    assert "a fault of ours" in desk.status(digest).reason
    kept = desk.spool.root / "aside" / f"{digest}.tar.gz"
    assert kept.read_bytes() == bundles["ada"].read_bytes()


def test_a_change_by_the_organiser_renews_the_pages(desk: Desk, bundles: Bundles) -> None:
    worker = desk.worker()
    desk.upload(bundles["ada"])
    worker.step()
    (name,) = desk.board.names()
    assert "Ada" in (desk.board.folder / "site" / "contributors.html").read_text()

    desk.board.erase_name(name)
    desk.board.journal.append([Forgetting(contributor=name, day="2026-12-01")])
    worker.step()

    assert "Ada" not in (desk.board.folder / "site" / "contributors.html").read_text()


def test_a_worker_that_died_after_taking_is_caught_up(desk: Desk, bundles: Bundles) -> None:
    digest = desk.upload(bundles["ada"])
    worker = desk.worker()
    with desk.spool.claimed() as path:
        assert path is not None
        worker._taken(path)  # What it would write next is lost.

    desk.worker().step()

    assert desk.status(digest).state == "published"
    assert desk.receipts() == [1]


def test_what_is_held_is_left_to_its_holder(desk: Desk, bundles: Bundles) -> None:
    digest = desk.upload(bundles["ada"])
    with desk.spool.claimed() as held:
        assert held is not None
        desk.worker().step()
        assert desk.status(digest).state == "queued"
    desk.worker().step()
    assert desk.status(digest).state == "published"


def test_leftovers_of_killed_processes_are_removed(desk: Desk) -> None:
    left = desk.spool.root / "scratch" / "1-1"
    left.mkdir()
    old, new = (desk.spool.part(digit * 64) for digit in "ab")
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    with desk.spool.scratch_folder() as used:
        desk.spool.prepare()
        assert used.is_dir()

    assert not left.exists()
    assert not old.exists()
    assert new.exists()


def test_a_worker_ends_with_its_service(desk: Desk) -> None:
    desk.worker().run(Bell([]))

    assert [each.event for each in desk.events if each.event == "judged"] == []
