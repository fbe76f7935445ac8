"""A bundle arrives over broken connections, each byte once, and every refusal is one line."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.leaderboard.service import JudgedUpload
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.sending.destination import SendingError
from mlperf_home.leaderboard.sending.service_client import ServiceClient

pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
from board_services import WebBench, web_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(bytes(range(256)) * 4000)
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WebBench]:
    with web_bench(tmp_path) as made:
        yield made


class Sender:
    """A client, what it showed, and how long it would have slept."""

    def __init__(self, url: str) -> None:
        self.progress: list[int] = []
        self.warnings: list[str] = []
        self.slept: list[float] = []
        self.client = ServiceClient(
            url.rstrip("/"), lambda sent, _total: self.progress.append(sent), self.warnings.append,
            sleep=self.slept.append,
        )  # fmt: skip

    def send(self, archive: Path) -> str:
        return self.client.send(archive, sha256_of(archive)).state


def test_a_bundle_is_sent_with_progress(bench: WebBench, archive: Path) -> None:
    sender = Sender(bench.url)

    assert sender.send(archive) == "queued"
    assert sender.progress[-1] == archive.stat().st_size
    assert 50 < len(sender.progress) < 110
    assert Sender(bench.url).send(archive) == "queued"
    assert bench.spool.queued(sha256_of(archive)).read_bytes() == archive.read_bytes()


def test_what_has_arrived_is_not_sent_again(bench: WebBench, archive: Path) -> None:
    content, digest = archive.read_bytes(), sha256_of(archive)
    bench.put(content[:700_000], digest, Content_Range=f"bytes 0-699999/{len(content)}")
    sender = Sender(bench.url)

    assert sender.send(archive) == "queued"
    assert min(sender.progress) > 700_000


def test_a_service_that_died_before_the_end_gets_all_again(bench: WebBench, archive: Path) -> None:
    bench.spool.part(sha256_of(archive)).write_bytes(archive.read_bytes())

    assert Sender(bench.url).send(archive) == "queued"
    assert bench.spool.queued(sha256_of(archive)).read_bytes() == archive.read_bytes()


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve answers one after the other, the last one for ever; a status of 0 closes the connection."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.command)
            code, headers, body = answers[min(len(seen), len(answers)) - 1]
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if code:
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815 - the base class names it

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


UNKNOWN = (404, {}, b'{"error": "no such upload is known", "advice": "send it"}')
BUSY = (429, {"Retry-After": "7"}, b'{"error": "too many", "advice": "later"}')


def queued(archive: Path) -> tuple[int, dict[str, str], bytes]:
    digest = sha256_of(archive)
    text = f'{{"upload": "{digest}", "state": "queued", "received": 5, "page": "uploads/{digest}", "newer": 1}}'
    return (201, {}, text.encode())


def test_a_busy_service_is_asked_again_when_it_says(archive: Path) -> None:
    with answering(UNKNOWN, BUSY, UNKNOWN, UNKNOWN, (0, {}, b""), UNKNOWN, UNKNOWN, queued(archive)) as (url, _):
        sender = Sender(url)
        assert sender.send(archive) == "queued"

    assert sender.slept in ([7.0, 1.0], [7.0, 2.0])
    assert "429: too many; later" in sender.warnings[0]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(200, {}, b"<html>a shop</html>")], "the address is no board's service"),
        ([(404, {}, b"<html>no</html>")], "the address is no board's service"),
        ([(301, {"Location": "https://elsewhere"}, b"")], "301: the service has another address"),
        ([UNKNOWN, (413, {}, b'{"error": "too large\\u001b[31m", "advice": "x"}')], r"413: too large\\x1b[31m; x"),
        ([UNKNOWN, (413, {}, b'{"error": ' + b"[" * 100)], "413: the server refused"),
        ([BUSY], "429: too many; later"),
    ],
)
def test_a_refusal_is_one_line(archive: Path, answers: list[Any], words: str) -> None:
    with answering(*answers) as (url, seen):
        sender = Sender(url)
        with pytest.raises(SendingError) as caught:
            sender.send(archive)

    assert words.replace(r"\\", "\\") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(seen) < 20


def test_a_host_that_is_down_is_named_after_a_few_tries(archive: Path) -> None:
    sender = Sender("http://127.0.0.1:1")

    with pytest.raises(SendingError, match="refused the connection; nothing is lost: repeat the command"):
        sender.send(archive)

    assert sender.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_refused_bundle_is_waited_for(bench: WebBench, archive: Path) -> None:
    sender = Sender(bench.url)
    sender.send(archive)
    digest = sha256_of(archive)

    def judge(_seconds: float) -> None:
        with bench.spool.claimed() as path:
            if path is not None:
                facts = {"upload": digest, "bytes": 1, "received_utc": "", "ended_utc": "", "state": "refused"}
                bench.spool.end(path, JudgedUpload(**facts, reason="no bundle"))

    client = ServiceClient(bench.url.rstrip("/"), lambda _s, _t: None, lambda _w: None, sleep=judge)
    assert client.wait(digest, 60).reason == "no bundle"


def test_waiting_ends_after_a_time(bench: WebBench, archive: Path) -> None:
    sender = Sender(bench.url)
    sender.send(archive)

    assert sender.client.wait(sha256_of(archive), 60).state == "queued"
    assert 60 <= sum(sender.slept) < 66
