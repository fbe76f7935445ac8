"""Failures of servers are retried and reported, and no wrong bytes are kept."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest
from download_harness import CONTENT, SHA256, Harness
from faulty_server import (
    FaultyServer,
    cut_chunks,
    endless,
    raw,
    redirect,
    reset,
    stall,
    status,
    truncated,
    unmeasured,
    whole,
)

from scriptgraph.fetch.download import Expected


def test_a_failing_server_is_retried_with_growing_pauses(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", status(500), status(503), status(502), whole(CONTENT))

    harness.fetch([url])

    assert harness.waits == [1.0, 2.0, 4.0]


def test_the_pause_requested_by_the_server_has_a_limit(server: FaultyServer, harness: Harness) -> None:
    url = server.serve(
        "/file", status(429, {"Retry-After": "7"}), status(503, {"Retry-After": "86400"}), whole(CONTENT)
    )

    harness.fetch([url])

    assert harness.waits == [7.0, 60.0]


def test_attempts_with_progress_do_not_count(server: FaultyServer, harness: Harness) -> None:
    content = bytes(5 << 20)
    expected = Expected([hashlib.sha256(content).hexdigest()])

    def some_more(start: int, size: int) -> bytes:
        head = (
            'HTTP/1.1 206 Partial Content\r\nETag: "v1"\r\n'
            f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}\r\n"
            f"Content-Length: {len(content) - start}\r\n\r\n"
        )
        return head.encode() + content[start : start + size]

    step = 1 << 20
    url = server.serve(
        "/file", truncated(content, step), *(raw(some_more(n * step, step)) for n in range(1, 4)), whole(content)
    )

    harness.fetch([url], expected, tries=2)

    assert harness.destination.stat().st_size == len(content)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "requires a login"),
        (403, "access is denied"),
        (404, "the server has no such file"),
        (410, "was removed"),
        (418, "418: the server refused"),
    ],
)
def test_a_refusal_is_not_repeated(server: FaultyServer, harness: Harness, code: int, words: str) -> None:
    assert words in harness.refused([server.serve("/file", status(code))])
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (status(500), "500: the server failed (attempts: 2)"),
        (truncated(CONTENT, 0), "the connection ended before the end of the file (attempts: 2)"),
        (cut_chunks(CONTENT), "the connection ended before the end of the file (attempts: 2)"),
        (reset(CONTENT, 10), "the connection was reset (attempts: 2)"),
        (raw(b""), "the connection broke (attempts: 2)"),
        (raw(b"not HTTP at all\r\n\r\n"), "the connection broke (attempts: 2)"),
    ],
)
def test_a_broken_connection_is_retried_and_reported(
    server: FaultyServer, harness: Harness, behaviour: Any, words: str
) -> None:
    assert harness.refused([server.serve("/file", behaviour)], tries=2) == words
    assert len(server.seen) == 2


def test_a_stalled_download_ends_and_its_bytes_are_kept(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", stall(server, bytes(1 << 20), 200_000))

    reason = harness.refused([url], Expected([SHA256]), stall_timeout_s=0.2, tries=1)

    assert reason == "the transfer stalled for 0.2 s (attempts: 1)"
    assert harness.left() == [3 * 65_536]  # the bytes after the last complete chunk are lost


def test_a_wrong_hash_is_reported_and_leaves_no_file(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(b"x" * len(CONTENT)))

    reason = harness.refused([url])

    assert reason.startswith("wrong hash: the file has sha256:")
    assert SHA256 in reason
    assert list(harness.partial.iterdir()) == []
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (b"version https://git-lfs.example/spec/v1\noid sha256:0\n", "the content is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><title>Log in</title>", "the content is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "the content is an XML message"),
    ],
)
def test_content_that_is_not_the_file_is_recognised(
    server: FaultyServer, harness: Harness, content: bytes, remark: str
) -> None:
    assert remark in harness.refused([server.serve("/file", whole(content))], Expected([SHA256]))


def test_a_web_page_is_never_recorded_as_the_file(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT, headers={"Content-Type": "text/html; charset=utf-8"}))

    assert harness.refused([url], Expected(record=True)) == "the server sent a web page, not a file"
    assert harness.fetch([url]).sha256 == SHA256  # with a hash, the content type does not matter


def test_a_wrong_length_is_refused_before_the_transfer(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    assert harness.refused([url], Expected([SHA256], 5)) == "the file has 16,384 bytes, expected were 5"
    assert harness.steps == []


@pytest.mark.parametrize(("size_bytes", "words"), [(5, "longer than the expected 5"), (99999, "has 16,384 bytes")])
def test_an_unannounced_length_is_checked(server: FaultyServer, harness: Harness, size_bytes: int, words: str) -> None:
    assert words in harness.refused([server.serve("/file", unmeasured(CONTENT))], Expected([SHA256], size_bytes))


def test_redirects_are_followed_but_not_in_a_cycle(server: FaultyServer, harness: Harness) -> None:
    server.serve("/loop", redirect("/loop2"))
    server.serve("/loop2", redirect("/loop"))
    assert harness.refused([server.url("/loop")]) == "the redirects form a cycle"
    reason = harness.refused([server.serve("/far", redirect("ftp://host/x"))])
    assert reason == "it redirects to an unsupported address"
    server.serve("/file", whole(CONTENT))

    harness.fetch([server.serve("/moved", redirect("/file"))])

    assert harness.destination.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("retry_after", "date", "pause_s"),
    [
        ("Wed, 01 Jan 2025 00:00:09 GMT", "Wed, 01 Jan 2025 00:00:00 GMT", 9.0),
        ("Wed, 01 Jan 2025 00:00:00 GMT", "Wed, 01 Jan 2025 00:00:09 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:00:00 GMT", "Wed, 01 Jan 2025 00:00:00 GMT", 60.0),
        ("Wed, 01 Jan 2025 00:00:09 GMT", "now", 1.0),
        ("soon", "Wed, 01 Jan 2025 00:00:00 GMT", 1.0),
        ("9" * 5000, "", 60.0),
    ],
)
def test_a_pause_may_be_a_date_of_the_server(
    server: FaultyServer, harness: Harness, retry_after: str, date: str, pause_s: float
) -> None:
    busy = status(503, {"Retry-After": retry_after, "Date": date})

    harness.fetch([server.serve("/file", busy, whole(CONTENT))])

    assert harness.waits == [pause_s]


LOCATIONS = [
    "http://[::1", "http://host:99999999/", "http://host:port/", "http://" + "a" * 300 + "/", "http://", "//",
    "http://.../", "http://%zz/", "\x01\x02", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "file:///etc/passwd",
    "http://xn--/", "http://a..b/", "javascript:1", "http://\xb2.\xb2/",
]  # fmt: skip


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_a_malformed_address_tries_the_next_source(
    server: FaultyServer, harness: Harness, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(host: str, *rest: Any) -> Any:
        return real(host, *rest) if host == "127.0.0.1" else real("256.256.256.256", *rest)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    bad, good = server.serve("/bad", redirect(location)), server.serve("/good", whole(CONTENT))

    assert harness.fetch([bad, good], tries=1).source == good


def test_the_content_of_a_redirect_is_not_read(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/moved", endless(302, {"Location": "/file"}))
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT


@pytest.mark.parametrize("digits", [20, 5000])
def test_an_impossible_length_tries_the_next_source(server: FaultyServer, harness: Harness, digits: int) -> None:
    bad = server.serve("/bad", raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * digits + b"\r\n\r\nx"))
    good = server.serve("/good", whole(CONTENT))

    assert harness.fetch([bad, good], Expected(record=True), tries=1).source == good


def test_a_length_above_the_disk_tries_the_next_source(server: FaultyServer, harness: Harness) -> None:
    bad = server.serve("/bad", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\nx"))
    good = server.serve("/good", whole(CONTENT))

    assert harness.fetch([bad, good], Expected(record=True)).source == good


def test_more_bytes_than_announced_are_not_kept(server: FaultyServer, harness: Harness) -> None:
    chunked = b'HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nETag: "v1"\r\n'
    more = chunked + b"Content-Range: bytes 1000-16383/16384\r\n\r\n" + b"8000\r\n" + bytes(0x8000) + b"\r\n0\r\n\r\n"
    url = server.serve("/file", truncated(CONTENT, 1000), raw(more), whole(CONTENT))

    harness.fetch([url], Expected(record=True))

    assert harness.destination.read_bytes() == CONTENT
    assert "Range" not in server.seen[2].headers
