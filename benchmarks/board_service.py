"""Load a board's service: uploads at once, and page reads; both on this machine, by a client in a process of its own.

Prints how long all uploads take until they are accepted, and how many pages are read in a minute. The uploads are
random bytes: what is measured is their arrival, not their verification.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlperf_home.bootstrap import BOOTSTRAP
from mlperf_home.contracts.codec import parse_document, write_document
from mlperf_home.contracts.leaderboard.service import ListeningEvent, ServiceJob
from mlperf_home.leaderboard.store.board import Board

_AIM_READS, _AIM_UPLOADS_S = 10_000, 60.0


def main() -> int:
    """Measure, print, and return 0 if both aims are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=100)
    parser.add_argument("--bytes", type=int, default=1 << 20)
    parser.add_argument("--reads", type=int, default=5000)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), arguments)
    for label, value in figures.items():
        print(f"{label}: {value:.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return not (figures["reads a minute"] >= _AIM_READS and figures["all uploads, s"] <= _AIM_UPLOADS_S)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Return the figures by name."""
    board = Board(folder / "board")
    with board.held():
        board.create(sample=True)
    site = board.folder / "site"
    site.mkdir()
    (site / "page.html").write_text("<p>A page of a board</p>\n" * 1500, encoding="utf-8")
    process, url = started(board, folder / "job.json", arguments)
    try:
        before_s = cpu_s(process)
        times, total_s = uploaded(url, arguments)
        between_s = cpu_s(process)
        reads_s, read_total_s = read_pages(url, arguments)
        after_s = cpu_s(process)
    finally:
        process.terminate()
        process.wait()
    return {
        "all uploads, s": total_s,
        "CPU of the service for an upload, ms": 1000 * (between_s - before_s) / len(times),
        "an upload, median ms": 1000 * quantile(times, 0.5),
        "an upload, p95 ms": 1000 * quantile(times, 0.95),
        "reads a minute": 60 * len(reads_s) / read_total_s,
        "CPU of the service for a read, ms": 1000 * (after_s - between_s) / len(reads_s),
        "a read, median ms": 1000 * quantile(reads_s, 0.5),
        "a read, p95 ms": 1000 * quantile(reads_s, 0.95),
    }


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of the web process so far, in seconds; a busy machine does not change it much."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def started(board: Board, path: Path, arguments: argparse.Namespace) -> tuple[subprocess.Popen[bytes], str]:
    """Start the service; return its process and its address."""
    worker = (sys.executable, str(BOOTSTRAP), "mlperf_home.leaderboard.service.worker", "--job", str(path))
    job = ServiceJob(
        board=board.folder, site=board.folder / "site", worker=worker, judge=Path(sys.executable), host="127.0.0.1",
        port=0, workers=1, uploads_per_hour=10 * arguments.uploads, uploads_at_once=arguments.uploads,
        waiting_bytes=4 << 30, published=False,
    )  # fmt: skip
    write_document(path, job)
    argv = [sys.executable, str(BOOTSTRAP), "mlperf_home.leaderboard.service.web", "--job", str(path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    event = parse_document(process.stdout.readline(), ListeningEvent, "the line")
    return process, event.url


def uploaded(url: str, arguments: argparse.Namespace) -> tuple[list[float], float]:
    """Send all uploads at once; return the seconds of each, and of all."""
    contents = [os.urandom(arguments.bytes) for _ in range(arguments.uploads)]
    began_s = time.monotonic()
    with ThreadPoolExecutor(arguments.uploads) as threads:
        times = list(threads.map(lambda content: upload(url, content), contents))
    return times, time.monotonic() - began_s


def upload(url: str, content: bytes) -> float:
    """Send an upload; return its seconds."""
    began_s = time.monotonic()
    with closing(connected(url)) as connection:
        connection.request("PUT", f"/api/v1/uploads/{hashlib.sha256(content).hexdigest()}", body=content)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.CREATED:
            raise SystemExit(f"an upload was answered with {answer.status}")
    return time.monotonic() - began_s


def read_pages(url: str, arguments: argparse.Namespace) -> tuple[list[float], float]:
    """Read a page again and again over a few connections; return the seconds of each, and of all."""
    share = arguments.reads // arguments.readers
    began_s = time.monotonic()
    with ThreadPoolExecutor(arguments.readers) as threads:
        found = list(threads.map(lambda _: read_share(url, share), range(arguments.readers)))
    return [each for times in found for each in times], time.monotonic() - began_s


def read_share(url: str, count: int) -> list[float]:
    """Read a page `count` times over one connection; return the seconds of each."""
    times = []
    with closing(connected(url)) as connection:
        for _ in range(count):
            began_s = time.monotonic()
            connection.request("GET", "/page.html")
            connection.getresponse().read()
            times.append(time.monotonic() - began_s)
    return times


def connected(url: str) -> http.client.HTTPConnection:
    """Return a connection to the service."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)


def quantile(values: list[float], share: float) -> Any:
    """Return a quantile of values by rank."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    sys.exit(main())
