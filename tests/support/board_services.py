"""Services of boards: the application in a thread of this process, or the whole service as processes."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import uvicorn

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, write_document
from mlperf_home.contracts.leaderboard.service import ListeningEvent, ServiceEvent, ServiceJob, WorkerEvent
from mlperf_home.leaderboard.service.spool import Spool
from mlperf_home.leaderboard.service.web.address_limits import AddressLimits
from mlperf_home.leaderboard.service.web.application import Service
from mlperf_home.leaderboard.service.web.metrics import Metrics
from mlperf_home.leaderboard.service.web.uploads import Uploads
from mlperf_home.leaderboard.store.board import Board

if TYPE_CHECKING:
    from collections.abc import Iterator


def sample_board(folder: Path) -> Board:
    """Make a board of samples."""
    board = Board(folder)
    with board.held():
        board.create(sample=True)
    return board


def digest_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def job_of_board(board: Path, folder: Path, **changes: Any) -> ServiceJob:
    """Write the job of a service into a folder, and return it."""
    path = folder / "job.json"
    words = (sys.executable, str(BOOTSTRAP), "mlperf_home.leaderboard.service.worker", "--job", str(path))
    fields: dict[str, Any] = {
        "board": board, "site": board / "site", "worker": words, "judge": Path(sys.executable), "host": "127.0.0.1",
        "port": 0, "workers": 1, "uploads_per_hour": 1000, "uploads_at_once": 100, "waiting_bytes": 1 << 30,
        "published": False,
    }  # fmt: skip
    job = ServiceJob(**{**fields, **changes})
    write_document(path, job)
    return job


@dataclass
class StubWorkers:
    """Workers that never work; `rings` counts how often they were told that something waits."""

    running: int = 1
    rings: int = 0

    def start(self) -> None:
        """Start nothing."""

    def ring(self) -> None:
        self.rings += 1

    async def stop(self) -> None:
        """Stop nothing."""


@dataclass
class WebBench:
    """The application of a service on a port of this process, without workers."""

    board: Board
    site: Path
    url: str = ""
    spool: Spool = field(init=False)
    workers: StubWorkers = field(default_factory=StubWorkers)
    log: list[dict[str, Any]] = field(default_factory=list)

    def put(self, content: bytes, digest: str = "", **headers: str) -> requests.Response:
        digest = digest or digest_of_bytes(content)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.put(f"{self.url}api/v1/uploads/{digest}", data=content, headers=names, timeout=60)

    def get(self, address: str) -> requests.Response:
        return requests.get(f"{self.url}{address}", timeout=60)

    def state(self, content: bytes) -> dict[str, Any]:
        return dict(self.get(f"api/v1/uploads/{digest_of_bytes(content)}").json())


@contextmanager
def web_bench(folder: Path, *, spool: Spool | None = None, per_hour: int = 1000, **options: Any) -> Iterator[WebBench]:
    """Serve the application of a board of samples."""
    board = sample_board(folder / "board")
    bench = WebBench(board, board.folder / "site")
    bench.site.mkdir(exist_ok=True)
    bench.spool = spool or Spool(board.folder, least_free=0)
    bench.spool.prepare()

    def log(event: str, **facts: Any) -> None:
        bench.log.append({"event": event, **facts})

    at_once = options.pop("at_once", 100)
    limits = AddressLimits(per_hour, at_once)
    uploads = Uploads(bench.spool, limits, Metrics(), bench.workers.ring, log, **options)
    app = Service("A <board>", bench.site, uploads, bench.workers, log).application()  # type: ignore[arg-type]
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=1, ws="none")
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0), backlog=1024)
    bench.url = "http://{}:{}/".format(*listening.getsockname()[:2])
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        yield bench
    finally:
        server.should_exit = True
        thread.join()


class RunningService:
    """A whole service: the web process and its workers."""

    def __init__(self, board: Path, folder: Path, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        job_of_board(board, folder, **changes)
        argv = [sys.executable, "-m", "mlperf_home.leaderboard.service.web", "--job", str(folder / "job.json")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
        )
        event = self.next_event()
        assert isinstance(event, ListeningEvent)
        self.url = event.url

    def next_event(self) -> ServiceEvent | None:
        """Return the next event; None if the service has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return parse_document(line, ServiceEvent, "the line") if line else None  # type: ignore[arg-type]

    def until(self, event: str, count: int = 1) -> list[WorkerEvent]:
        """Read events until there are so many of a kind; return these."""
        found: list[WorkerEvent] = []
        while len(found) < count and (each := self.next_event()) is not None:
            if isinstance(each, WorkerEvent) and each.event == event:
                found.append(each)
        return found

    def kill(self) -> None:
        """Kill the web process; its workers die with it."""
        self.process.kill()
        self._reap()

    def end(self) -> int:
        """End the service as a user does; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait()


@contextmanager
def running_service(board: Path, folder: Path, **changes: Any) -> Iterator[RunningService]:
    """Run a whole service."""
    service = RunningService(board, folder, **changes)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end()
