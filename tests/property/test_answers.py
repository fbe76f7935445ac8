"""Mutated answers of servers end in the right file or in one kind of error; nothing else escapes."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from faulty_server import FaultyServer, raw
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptgraph.fetch.download import Expected, TransferOptions, fetch
from scriptgraph.fetch.failures import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

CONTENT = bytes(range(256)) * 8
SIZE = len(CONTENT)
KNOWN = Expected([hashlib.sha256(CONTENT).hexdigest()])
WHOLE = (
    f'HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nETag: "v1"\r\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n'
    "Date: Thu, 02 Jan 2025 00:00:00 GMT\r\nContent-Type: application/octet-stream\r\n\r\n"
).encode() + CONTENT
HALF = WHOLE[:-1024]
REST = (
    "HTTP/1.1 206 Partial Content\r\nContent-Length: 1024\r\n"
    f'Content-Range: bytes 1024-{SIZE - 1}/{SIZE}\r\nETag: "v1"\r\n'
    "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nDate: Thu, 02 Jan 2025 00:00:00 GMT\r\n\r\n"
).encode() + CONTENT[1024:]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + CONTENT + b"\r\n0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /file?moved\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
REFUSED = f"HTTP/1.1 416 No\r\nContent-Range: bytes */{SIZE}\r\nContent-Length: 0\r\n\r\n".encode()
pieces = st.sampled_from(
    [b"", b"\r\n", b"\0", b"\xff\xfe", b"9" * 30, b"9" * 5000, b"-1", b"http://[::1", b"W/", b":", b"bytes", b"gzip"]
) | st.binary(max_size=3)
# A place in the head as a share of it, the number of bytes to replace, and the new bytes.
changes = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), pieces), max_size=3)
Changes = list[tuple[float, int, bytes]]
answers = st.tuples(st.sampled_from([WHOLE, HALF, REST, CHUNKED, MOVED, BUSY, REFUSED]), changes)


def mutated(answer: bytes, changed: Changes) -> bytes:
    head, content = answer.split(b"\r\n\r\n", 1)
    for share, length, new in changed:
        place = int(share * len(head))
        head = head[:place] + new + head[place + length :]
    return head + b"\r\n\r\n" + content


@contextmanager
def no_other_host() -> Iterator[None]:
    """Refuse every connection but those to the local server."""
    import socket

    def local(host: str, *rest: object, **more: object) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return real(host, *rest, **more)  # type: ignore[arg-type]

    real = socket.getaddrinfo
    with (
        mock.patch("socket.getaddrinfo", local),
        mock.patch("requests.sessions.get_environ_proxies", return_value={}),
    ):
        yield


def fetched(folder: Path, expected: Expected, served: list[bytes]) -> bytes | None:
    """Return the file that the answers of a server give; None if it was refused, which leaves no file."""
    options = TransferOptions(folder, connect_timeout_s=5, stall_timeout_s=0.5, tries=2, sleep=lambda _s: None)
    with FaultyServer() as server, no_other_host():
        url = server.serve("/file", *map(raw, served))
        try:
            return fetch([url], folder / "file", expected, options).path.read_bytes()
        except DownloadError as error:
            text = str(error)
    assert text.isprintable()
    assert not (folder / "file").exists()
    return None


@settings(max_examples=250)
@given(st.lists(answers, min_size=1, max_size=4))
def test_mutated_answers_give_the_file_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, served: list[tuple[bytes, Changes]]
) -> None:
    content = fetched(tmp_path_factory.mktemp("answers"), KNOWN, [mutated(*each) for each in served])

    assert content in {None, CONTENT}


@settings(max_examples=250)
@given(changes, changes, st.sampled_from([WHOLE, CHUNKED, REST]))
def test_mutated_answers_never_join_two_files(
    tmp_path_factory: pytest.TempPathFactory, first: Changes, second: Changes, last: bytes
) -> None:
    newer = REST.replace(b'"v1"', b'"2"').replace(CONTENT[1024:], b"n" * 1024)
    served = [mutated(HALF, first), mutated(newer, second), last.replace(CONTENT, b"n" * SIZE)]
    content = fetched(tmp_path_factory.mktemp("answers"), Expected(record=True), served)

    assert content is None or not (CONTENT[:16] in content and b"n" * 16 in content)
