"""A service that is killed at any moment loses no upload that it accepted, and judges nothing twice differently."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import defaultdict
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from board_homes import Contributors, contributors, needs_ssh

pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
pytest.importorskip("scipy", reason="SciPy is not installed in this Python")
from board_services import RunningService, sample_board

from mlperf_home.contracts.leaderboard.events import Receipt
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.sending.destination import SendingError
from mlperf_home.leaderboard.sending.service_client import ServiceClient
from mlperf_home.leaderboard.service.spool import Spool
from mlperf_home.leaderboard.service.upload_states import status_of
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.leaderboard.store.board import Board

pytestmark = [needs_ssh, pytest.mark.slow]


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("senders"))


@pytest.fixture(scope="module")
def archives(senders: Contributors) -> list[Path]:
    """Return two bundles, and a file that is none."""
    junk = senders.folder / "junk.bin"
    junk.write_bytes(os.urandom(300_000))
    return [*(senders.bundle(name, name.lower()) for name in ("Ada", "Bob")), junk]


class Uploader:
    """Sends archives to a service in a thread, and notes what the service accepted."""

    def __init__(self, service: RunningService, archives: list[Path], accepted: set[str]) -> None:
        self._url, self._archives, self._accepted = service.url.rstrip("/"), archives, accepted
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _send(self) -> None:
        client = ServiceClient(self._url, lambda _s, _t: None, lambda _w: None, tries=1, sleep=lambda _s: None)
        for archive in self._archives:
            with suppress(SendingError):
                digest = sha256_of(archive)
                client.send(archive, digest)
                self._accepted.add(digest)


def children_of(process: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def kill_some(service: RunningService, chance: random.Random) -> None:
    """Kill the service, or one of its workers, after a while that differs each time."""
    with suppress(Exception):
        service.process.wait(timeout=chance.uniform(0.0, 5.0))
    workers = children_of(service.process.pid)
    if workers and chance.random() < 0.3:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
    service.kill()


@pytest.mark.parametrize(("rounds", "kills"), [(1, 3), pytest.param(40, 5, marks=pytest.mark.long)])
def test_killed_services_lose_nothing(tmp_path: Path, archives: list[Path], rounds: int, kills: int) -> None:
    for number in range(rounds):
        chance = random.Random(number)  # noqa: S311 - no secret
        board = sample_board(tmp_path / f"board-{number}")
        accepted: set[str] = set()
        for kill in range(kills):
            service = RunningService(board.folder, tmp_path / f"run-{number}-{kill}")
            uploader = Uploader(service, archives, accepted)
            kill_some(service, chance)
            uploader.thread.join()
        last = RunningService(board.folder, tmp_path / f"run-{number}-last")
        settle(board, last, archives)
        last.end()
        require_whole(board, accepted, archives)


def settle(board: Board, service: RunningService, archives: list[Path]) -> None:
    """Send all archives to the end, and wait until each is judged and published."""
    client = ServiceClient(service.url.rstrip("/"), lambda _s, _t: None, lambda _w: None)
    for archive in archives:
        client.send(archive, sha256_of(archive))
    for archive in archives:
        client.wait(sha256_of(archive), 600)


def require_whole(board: Board, accepted: set[str], archives: list[Path]) -> None:
    spool = Spool(board.folder)
    states = {digest: status_of(spool, digest) for digest in {*accepted, *map(sha256_of, archives)}}
    assert sorted(each.state for each in states.values() if each) == ["published", "published", "refused"]
    receipts = [each for each in board.journal.events() if isinstance(each, Receipt)]
    assert [each.number for each in receipts] == [1, 2]
    assert len({each.bundle for each in receipts}) == 2
    with closing(BoardIndex(board, stored_rows(board))) as index:
        results = {each.result.id: each.judgement for each in index.results()}
    judged = defaultdict(list)
    for path in board.verdicts.files():
        for line in board.verdicts.lines(path):
            judged[line.judgement.result].append((line.events, line.judgement))
    for result, verdicts in judged.items():
        # With the same events, the judge says the same.
        assert len({events for events, _ in verdicts}) == len(verdicts)
        assert verdicts[-1][1] == results[result]
    assert not list(spool.root.glob("queue/*"))
    assert not list(board.folder.glob("site/**/*.partial"))
