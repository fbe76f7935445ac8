"""Uploads arrive whole or not at all, each once, within limits; every refusal has a reason."""

from __future__ import annotations

import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from mlperf_home.contracts.leaderboard.service import JudgedUpload
from mlperf_home.leaderboard.service.receiving import Receiving
from mlperf_home.leaderboard.service.spool import Spool

pytest.importorskip("starlette", reason="Starlette is not installed in this Python")
pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
from board_services import WebBench, digest_of_bytes, web_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"bytes of a bundle " * 1000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WebBench]:
    with web_bench(tmp_path) as made:
        yield made


def cut_off(bench: WebBench, content: bytes, sent: int) -> None:
    """Send the beginning of an upload, and close the connection."""
    parts = urlsplit(bench.url)
    head = f"PUT /api/v1/uploads/{digest_of_bytes(content)} HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:sent])


def state_with(bench: WebBench, content: bytes, received: int) -> dict[str, Any]:
    """Return the state once so many bytes have arrived."""
    while (state := bench.state(content)).get("received") != received:
        pass
    return state


def test_an_upload_arrives_and_waits(bench: WebBench) -> None:
    answer = bench.put(CONTENT)

    assert answer.status_code == 201
    assert answer.json()["state"] == "queued"
    assert answer.json()["received"] == len(CONTENT)
    assert bench.spool.queued(digest_of_bytes(CONTENT)).read_bytes() == CONTENT
    assert bench.workers.rings == 1
    assert bench.state(CONTENT)["before"] == 0


def test_an_upload_is_received_once(bench: WebBench) -> None:
    bench.put(CONTENT)

    again = bench.put(CONTENT)

    assert again.status_code == 200
    assert again.json()["state"] == "queued"
    assert len(bench.spool.waiting()) == 1


def test_a_judged_upload_is_not_received_again(bench: WebBench) -> None:
    bench.put(CONTENT)
    with bench.spool.claimed() as path:
        assert path is not None
        judged = JudgedUpload(
            upload=digest_of_bytes(CONTENT), bytes=len(CONTENT), received_utc="", ended_utc="", state="refused",
            reason="it is no bundle",
        )  # fmt: skip
        bench.spool.end(path, judged)

    again = bench.put(CONTENT)

    assert again.status_code == 200
    assert again.json()["reason"] == "it is no bundle"
    assert bench.spool.waiting() == []


def test_a_cut_off_upload_goes_on_where_it_was(bench: WebBench) -> None:
    cut_off(bench, CONTENT, 5000)

    assert state_with(bench, CONTENT, 5000)["state"] == "incomplete"
    rest = bench.put(
        CONTENT[5000:], digest_of_bytes(CONTENT), Content_Range=f"bytes 5000-{len(CONTENT) - 1}/{len(CONTENT)}"
    )

    assert rest.status_code == 201
    assert bench.spool.queued(digest_of_bytes(CONTENT)).read_bytes() == CONTENT


def test_a_program_that_knows_no_parts_sends_all_again(bench: WebBench) -> None:
    cut_off(bench, CONTENT, 5000)
    state_with(bench, CONTENT, 5000)

    assert bench.put(CONTENT).status_code == 201
    assert bench.spool.queued(digest_of_bytes(CONTENT)).read_bytes() == CONTENT


def test_a_part_is_answered_with_what_has_arrived(bench: WebBench) -> None:
    digest, total = digest_of_bytes(CONTENT), len(CONTENT)

    first = bench.put(CONTENT[:100], digest, Content_Range=f"bytes 0-99/{total}")
    wrong = bench.put(CONTENT[200:], digest, Content_Range=f"bytes 200-{total - 1}/{total}")

    assert first.status_code == 202
    assert first.json()["received"] == 100
    assert wrong.status_code == 416
    assert wrong.json()["advice"] == "send the bytes from 100 on"


def test_another_digest_is_refused_and_nothing_is_kept(bench: WebBench) -> None:
    answer = bench.put(CONTENT, "0" * 64)

    assert answer.status_code == 422
    assert bench.get(f"api/v1/uploads/{'0' * 64}").status_code == 404
    assert bench.put(CONTENT).status_code == 201


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content_Range": "bytes 0-9/5"}, b"x" * 10, 400),
        ({"Content_Range": "everything"}, b"x" * 10, 400),
        ({"Content_Range": f"bytes 0-9/{1 << 40}"}, b"x" * 10, 413),
        ({}, b"", 400),
    ],
)
def test_faulty_announcements_are_refused(
    bench: WebBench, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = bench.put(content, "a" * 64, **headers)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "advice"}
    assert bench.get(f"api/v1/uploads/{'a' * 64}").status_code == 404


def raw_answer(bench: WebBench, head: str) -> bytes:
    """Send the head of a request without any body; return the first line of the answer."""
    parts = urlsplit(bench.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(f"PUT /api/v1/uploads/{'a' * 64} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        return connection.makefile("rb").readline()


def test_a_too_large_upload_is_refused_before_a_byte_is_read(bench: WebBench) -> None:
    assert b" 413 " in raw_answer(bench, f"Content-Length: {(256 << 20) + 1}\r\n")
    assert b" 411 " in raw_answer(bench, "Transfer-Encoding: chunked\r\n")


def test_a_name_that_is_no_digest_leads_nowhere(bench: WebBench) -> None:
    assert bench.put(b"x", "A" * 64).status_code == 404
    assert bench.put(b"x", "..%2f..%2fboard.json").status_code in {404, 405}


def test_two_connections_never_mix_one_upload(bench: WebBench) -> None:
    digest = digest_of_bytes(CONTENT)
    with bench.spool.receiving(digest) as held:
        assert held is not None
        busy = bench.put(CONTENT)

    assert busy.status_code == 409
    assert busy.headers["Retry-After"] == "5"
    assert bench.put(CONTENT).status_code == 201


def test_a_stalled_upload_frees_its_connection(tmp_path: Path) -> None:
    with web_bench(tmp_path, stall_s=0.05) as bench:
        parts = urlsplit(bench.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            head = f"PUT /api/v1/uploads/{'a' * 64} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
            connection.sendall(head.encode())
            assert b" 408 " in connection.makefile("rb").readline()


def test_many_at_once_from_one_address_wait_for_later(tmp_path: Path) -> None:
    with web_bench(tmp_path, per_hour=10) as bench, ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda number: bench.put(b"x%d" % number), range(60)))

        codes = [each.status_code for each in answers]
        assert codes.count(201) == 10
        assert codes.count(429) == 50
        assert all(int(each.headers["Retry-After"]) > 0 for each in answers if each.status_code == 429)
        assert len(bench.spool.waiting()) == 10
        assert bench.get("health").status_code == 200


def test_no_room_is_said_before_a_byte_is_kept(tmp_path: Path) -> None:
    with web_bench(tmp_path) as bench:
        small = Spool(bench.board.folder, most_bytes=100, least_free=0)
    with web_bench(tmp_path, spool=small) as bench:
        answer = bench.put(CONTENT)
    full = Spool(bench.board.folder, least_free=1 << 60)
    with web_bench(tmp_path, spool=full) as bench:
        no_disk, health = bench.put(CONTENT), bench.get("health")

    assert (answer.status_code, answer.json()["error"]) == (507, "too many uploads wait")
    assert (no_disk.status_code, no_disk.json()["error"]) == (507, "the disk is full")
    assert (health.status_code, health.json()["reasons"]) == (503, ["the disk is full"])


def test_a_disk_that_fills_up_keeps_no_half(bench: WebBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Receiving, "write", full)
        answer = bench.put(CONTENT)

    assert answer.status_code == 507
    assert bench.get(f"api/v1/uploads/{digest_of_bytes(CONTENT)}").status_code == 404
    assert bench.put(CONTENT).status_code == 201


def test_the_log_names_no_address(bench: WebBench) -> None:
    bench.put(CONTENT)

    assert {each["event"] for each in bench.log} == {"upload", "request"}
    assert "127.0.0.1" not in str(bench.log)
