"""A whole service, as processes: uploads become pages; two services share a board; its end loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from board_homes import needs_ssh

pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
pytest.importorskip("scipy", reason="SciPy is not installed in this Python")
from board_services import RunningService, job_of_board, running_service, sample_board

from mlperf_home.contracts.leaderboard.events import Receipt
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.sending.service_client import ServiceClient

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.service import UploadStatus
    from mlperf_home.leaderboard.store.board import Board

    Bundles = dict[str, Path]

pytestmark = [needs_ssh, pytest.mark.slow]


def send(service: RunningService, archive: Path) -> UploadStatus:
    client = ServiceClient(service.url.rstrip("/"), lambda _sent, _total: None, lambda _why: None)
    return client.send(archive, sha256_of(archive))


def state(service: RunningService, archive: Path) -> str:
    return str(requests.get(f"{service.url}api/v1/uploads/{sha256_of(archive)}", timeout=60).json()["state"])


def receipts(board: Board) -> list[int]:
    return [each.number for each in board.journal.events() if isinstance(each, Receipt)]


def test_an_upload_becomes_pages(tmp_path: Path, bundles: Bundles) -> None:
    board = sample_board(tmp_path / "board")
    with running_service(board.folder, tmp_path / "run") as service:
        service.until("published")  # the empty board
        assert send(service, bundles["ada"]).state == "queued"
        service.until("published")

        assert state(service, bundles["ada"]) == "published"
        assert "Ada" in requests.get(f"{service.url}contributors.html", timeout=60).text
        assert requests.get(f"{service.url}health", timeout=60).json()["ok"]
        assert service.end() == -signal.SIGTERM or service.process.returncode == 128 + signal.SIGTERM


def test_two_services_on_one_board_take_each_bundle_once(tmp_path: Path, bundles: Bundles) -> None:
    board = sample_board(tmp_path / "board")
    with (
        running_service(board.folder, tmp_path / "one") as one,
        running_service(board.folder, tmp_path / "two") as two,
    ):
        for service in (one, two):
            for name in ("ada", "bob"):
                send(service, bundles[name])
        for name in ("ada", "bob"):
            ServiceClient(two.url.rstrip("/"), lambda _s, _t: None, lambda _w: None, sleep=lambda _s: None).wait(
                sha256_of(bundles[name]), 1e9
            )
        assert [state(each, bundles["bob"]) for each in (one, two)] == ["published", "published"]
    assert receipts(board) == [1, 2]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    board = sample_board(tmp_path / "board")
    with running_service(board.folder, tmp_path / "one") as one:
        port = int(one.url.rstrip("/").rpartition(":")[2])
        folder = tmp_path / "two"
        folder.mkdir()
        job_of_board(board.folder, folder, port=port)
        argv = [sys.executable, "-m", "mlperf_home.leaderboard.service.web", "--job", str(folder / "job.json")]
        second = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert second.returncode == 65
    assert f"127.0.0.1:{port}: cannot be listened at (Address already in use)" in second.stdout
