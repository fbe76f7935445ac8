"""Serve a board: python -m mlperf_home.leaderboard.service.web --job F.json; prints events, one line of JSON each."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from mlperf_home.contracts.codec import print_line, read_document, to_line
from mlperf_home.contracts.leaderboard.service import SERVICE_JOB_LIMITS, ListeningEvent, ServiceJob, WorkerEvent
from mlperf_home.harness.program import run_program
from mlperf_home.leaderboard.service.spool import Spool
from mlperf_home.leaderboard.service.web.address_limits import AddressLimits
from mlperf_home.leaderboard.service.web.application import Service
from mlperf_home.leaderboard.service.web.logs import ServiceLog
from mlperf_home.leaderboard.service.web.metrics import Metrics
from mlperf_home.leaderboard.service.web.uploads import Uploads
from mlperf_home.leaderboard.service.web.workers import Workers
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError

if TYPE_CHECKING:
    from pathlib import Path

_GRACE_S = 3
_KEEP_S = 10
_CONNECTIONS = 1000
LOG_FILE = "service.jsonl"


def serve(path: Path) -> None:
    """Serve until the process is told to end.

    Raises:
        BoardError: the folder holds no board, or the address cannot be listened at.
    """
    job = read_document(path, ServiceJob, SERVICE_JOB_LIMITS)
    name = Board(job.board).settings.name
    spool, metrics = Spool(job.board, job.waiting_bytes), Metrics()
    spool.prepare()
    log = ServiceLog(spool.root / LOG_FILE)

    def take(event: WorkerEvent) -> None:
        metrics.count_event(event)
        log.write(event.event, words=event.words, upload=event.upload, reason=event.reason, seconds=event.seconds)
        print_line(event)

    workers = Workers(job.worker, job.workers, take)
    limits = AddressLimits(job.uploads_per_hour, job.uploads_at_once)
    uploads = Uploads(spool, limits, metrics, workers.ring, log.write)
    service = Service(name, job.site, uploads, workers, log.write)
    listening = _listening(job.host, job.port)
    config = uvicorn.Config(
        service.application(), lifespan="on", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=_GRACE_S, timeout_keep_alive=_KEEP_S, limit_concurrency=_CONNECTIONS, ws="none",
        proxy_headers=bool(job.proxy), forwarded_allow_ips=job.proxy,
    )  # fmt: skip
    host, port = listening.getsockname()[:2]
    print_line(ListeningEvent(url=f"http://{f'[{host}]' if ':' in host else host}:{port}/"))
    log.write("listening", job=to_line(job), process=os.getpid())
    try:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
    finally:
        log.write("ended")


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raise BoardError if the address cannot be used."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        advice = "name an address of this machine by --host, and a free port by --port, 0 for any"
        raise BoardError(f"{host}:{port}", f"cannot be listened at ({reason})", advice) from None


if __name__ == "__main__":
    sys.exit(run_program("mlperf_home.leaderboard.service.web", "serve a board", "--job", serve))
