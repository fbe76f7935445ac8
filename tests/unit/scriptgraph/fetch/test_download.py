"""Downloads from servers that fail: resumed, checked, or refused in words."""

from __future__ import annotations

import errno
import hashlib
import shutil
import socket
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from faulty_server import (
    FaultyServer,
    cut_chunks,
    raw,
    redirect,
    reset,
    stall,
    status,
    truncated,
    unmeasured,
    whole,
)

from scriptgraph.fetch.download import Expected, Fetched, Transfer, UnknownHashError, fetch
from scriptgraph.fetch.failures import DownloadError
from scriptgraph.fetch.hashes import HashError
from scriptgraph.fetch.partial import Partial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONTENT = bytes(range(256)) * 64
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324 - what publishers of old files offer
KNOWN = Expected([SHA256], len(CONTENT))


class Harness:
    """One download's surroundings, without waiting."""

    def __init__(self, folder: Path) -> None:
        self.destination = folder / "place" / "file.bin"
        self.partial = folder / "partial"
        self.waits: list[float] = []
        self.steps: list[tuple[int, int | None]] = []

    def fetch(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **how: Any) -> Fetched:
        transfer = Transfer(
            self.partial,
            sleep=self.waits.append,
            progress=lambda done, total: self.steps.append((done, total)),
            **how,
        )
        return fetch(sources, self.destination, expected, transfer)

    def refused(self, sources: Sequence[str | Path], expected: Expected = KNOWN, **how: Any) -> str:
        """Fetch in vain; the text of the one problem. Nothing may be in the file's place."""
        with pytest.raises(DownloadError) as failure:
            self.fetch(sources, expected, **how)
        assert not self.destination.exists()
        assert len(failure.value.problems) == 1
        return failure.value.problems[0][1]

    def left(self) -> list[int]:
        """The sizes of the partial files."""
        return [path.stat().st_size for path in self.partial.glob("*.part")]


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)


def test_a_file_is_fetched_checked_and_described(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    fetched = harness.fetch([url], Expected([MD5], len(CONTENT)))

    assert harness.destination.read_bytes() == CONTENT
    assert (fetched.source, fetched.path, fetched.size_bytes) == (url, harness.destination, len(CONTENT))
    assert [str(digest) for digest in fetched.digests] == [MD5, SHA256]
    assert fetched.sha256 == SHA256
    assert harness.steps[-1] == (len(CONTENT), len(CONTENT))
    assert list(harness.partial.iterdir()) == []


def test_a_file_that_is_there_and_right_is_not_fetched_again(server: FaultyServer, harness: Harness) -> None:
    harness.destination.parent.mkdir()
    harness.destination.write_bytes(CONTENT)

    assert harness.fetch([server.url("/file")]).source == ""
    assert server.seen == []


def test_a_file_that_is_there_and_wrong_is_replaced(server: FaultyServer, harness: Harness) -> None:
    harness.destination.parent.mkdir()
    harness.destination.write_bytes(b"old")

    harness.fetch([server.serve("/file", whole(CONTENT))])

    assert harness.destination.read_bytes() == CONTENT


def test_without_a_hash_recording_has_to_be_asked_for(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    with pytest.raises(UnknownHashError, match="no hash is known"):
        harness.fetch([url], Expected())
    assert harness.fetch([url], Expected(record=True)).sha256 == SHA256


def test_a_malformed_hash_is_refused_before_any_request(server: FaultyServer, harness: Harness) -> None:
    with pytest.raises(HashError):
        harness.fetch([server.url("/file")], Expected(["sha256:12"]))
    assert server.seen == []


def test_a_truncated_download_continues_where_it_stopped(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), whole(CONTENT))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT
    assert server.seen[1].headers["Range"] == "bytes=1000-"
    assert server.seen[1].headers["If-Range"] == '"v1"'
    assert harness.waits == [1.0]


def test_the_next_run_continues_too(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000))
    assert "the connection ended before the file did (1 tries)" in harness.refused([url], tries=1)
    assert harness.left() == [1000]
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])

    assert server.seen[-1].headers["Range"] == "bytes=1000-"
    assert harness.destination.read_bytes() == CONTENT


def test_a_download_that_was_whole_but_not_published_needs_no_bytes(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000))
    harness.refused([url], tries=1)
    next(harness.partial.glob("*.part")).write_bytes(CONTENT)
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])

    assert harness.steps[-1] == (1000, len(CONTENT))  # of the first run


def test_a_server_without_ranges_starts_again(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), whole(CONTENT, ranges=False))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT


def test_a_file_that_changed_between_two_tries_starts_again(server: FaultyServer, harness: Harness) -> None:
    older = b"x" * len(CONTENT)
    url = server.serve("/file", truncated(older, 1000, etag='"v0"'), whole(CONTENT))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT


def test_a_changed_file_on_a_server_that_ignores_if_range_starts_again(server: FaultyServer, harness: Harness) -> None:
    longer = whole(CONTENT + b"more", guarded=False)
    url = server.serve("/file", truncated(CONTENT, 1000), longer)

    reason = harness.refused([url], Expected([SHA256]), tries=3)

    assert "wrong hash" in reason
    assert [request.headers.get("Range") for request in server.seen] == [None, "bytes=1000-", None]


def test_a_stale_beginning_is_thrown_away_once(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(b"x" * len(CONTENT), 1000))
    harness.refused([url], tries=1)
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])  # the same ETag, another content: only the hash can tell

    assert harness.destination.read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in server.seen] == [None, "bytes=1000-", None]


def test_without_hash_and_validator_nothing_is_continued(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", reset(CONTENT, 1000), whole(CONTENT))

    harness.fetch([url], Expected(record=True))

    assert "Range" not in server.seen[1].headers
    assert harness.destination.read_bytes() == CONTENT


def test_a_range_that_the_server_refuses_is_forgotten(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), status(416), whole(CONTENT))

    harness.fetch([url])

    assert "Range" not in server.seen[2].headers
    assert harness.destination.read_bytes() == CONTENT


def test_a_failing_server_is_asked_again_with_growing_pauses(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", status(500), status(503), status(502), whole(CONTENT))

    harness.fetch([url])

    assert harness.waits == [1.0, 2.0, 4.0]


def test_the_server_says_how_long_to_wait_but_not_for_ever(server: FaultyServer, harness: Harness) -> None:
    url = server.serve(
        "/file", status(429, {"Retry-After": "7"}), status(503, {"Retry-After": "86400"}), whole(CONTENT)
    )

    harness.fetch([url])

    assert harness.waits == [7.0, 60.0]


def test_tries_that_get_on_do_not_count(server: FaultyServer, harness: Harness) -> None:
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
        (401, "wants a login"),
        (403, "access is denied"),
        (404, "is not there"),
        (410, "gone for good"),
        (418, "418: the server refused"),
    ],
)
def test_a_refusal_is_not_repeated(server: FaultyServer, harness: Harness, code: int, words: str) -> None:
    assert words in harness.refused([server.serve("/file", status(code))])
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (status(500), "500: the server failed (2 tries)"),
        (truncated(CONTENT, 0), "the connection ended before the file did (2 tries)"),
        (cut_chunks(CONTENT), "the connection ended before the file did (2 tries)"),
        (reset(CONTENT, 10), "the connection was reset (2 tries)"),
        (raw(b""), "the connection broke (2 tries)"),
        (raw(b"not HTTP at all\r\n\r\n"), "the connection broke (2 tries)"),
    ],
)
def test_a_broken_connection_is_tried_again_and_named(
    server: FaultyServer, harness: Harness, behaviour: Any, words: str
) -> None:
    assert harness.refused([server.serve("/file", behaviour)], tries=2) == words
    assert len(server.seen) == 2


def test_a_stalled_download_is_given_up_and_kept(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", stall(server, bytes(1 << 20), 200_000))

    reason = harness.refused([url], Expected([SHA256]), stall_timeout_s=0.2, tries=1)

    assert reason == "it stalled: nothing came for 0.2 s (1 tries)"
    assert harness.left() == [3 * 65_536]  # what came since the last whole chunk is lost


def test_wrong_hash_names_both_and_leaves_nothing(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(b"x" * len(CONTENT)))

    reason = harness.refused([url])

    assert reason.startswith("wrong hash: it has sha256:")
    assert SHA256 in reason
    assert list(harness.partial.iterdir()) == []
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (b"version https://git-lfs.example/spec/v1\noid sha256:0\n", "it is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><title>Log in</title>", "it is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "it is an XML message"),
    ],
)
def test_what_came_instead_of_the_file_is_recognised(
    server: FaultyServer, harness: Harness, content: bytes, remark: str
) -> None:
    assert remark in harness.refused([server.serve("/file", whole(content))], Expected([SHA256]))


def test_a_web_page_is_never_recorded_as_the_file(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT, headers={"Content-Type": "text/html; charset=utf-8"}))

    assert harness.refused([url], Expected(record=True)) == "it gave a web page, not a file"
    assert harness.fetch([url]).sha256 == SHA256  # a hash tells better than a label


def test_wrong_length_is_refused_before_the_bytes_come(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    assert harness.refused([url], Expected([SHA256], 5)) == "it has 16,384 bytes where 5 were expected"
    assert harness.steps == []


@pytest.mark.parametrize(("size_bytes", "words"), [(5, "longer than the expected 5"), (99999, "has 16,384 bytes")])
def test_wrong_length_without_announcement(server: FaultyServer, harness: Harness, size_bytes: int, words: str) -> None:
    assert words in harness.refused([server.serve("/file", unmeasured(CONTENT))], Expected([SHA256], size_bytes))


def test_redirects_are_followed_but_not_in_a_circle(server: FaultyServer, harness: Harness) -> None:
    server.serve("/loop", redirect("/loop2"))
    server.serve("/loop2", redirect("/loop"))
    assert harness.refused([server.url("/loop")]) == "it redirects in a circle"
    assert harness.refused([server.serve("/far", redirect("ftp://host/x"))]) == (
        "it redirects to an address that cannot be fetched"
    )
    server.serve("/file", whole(CONTENT))

    harness.fetch([server.serve("/moved", redirect("/file"))])

    assert harness.destination.read_bytes() == CONTENT


def test_a_compressed_file_stays_compressed(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT, headers={"Content-Encoding": "gzip"}))

    harness.fetch([url])

    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert harness.destination.read_bytes() == CONTENT


def test_the_next_source_is_asked_and_every_reason_is_listed(server: FaultyServer, harness: Harness) -> None:
    bad = [server.url("/absent"), server.serve("/wrong", whole(b"x")), "ftp://host/file", "/no/such/file"]
    with pytest.raises(DownloadError) as failure:
        harness.fetch(bad, Expected([SHA256]))

    text = str(failure.value)
    assert text.startswith("file.bin could not be fetched: ")
    assert f"{bad[0]}: 404: it is not there; {bad[1]}: wrong hash" in text
    assert "ftp://host/file: only http, https and file can be fetched; /no/such/file: no such file." in text
    assert "\n" not in text

    assert harness.fetch([*bad, server.serve("/file", whole(CONTENT))]).source == server.url("/file")


def test_secrets_of_an_address_are_used_but_not_told(server: FaultyServer, harness: Harness) -> None:
    url = server.url("/file?key=hunter2").replace("//", "//me:hunter2@")
    with pytest.raises(DownloadError) as failure:
        harness.fetch([url])
    assert "hunter2" not in failure.value.report()
    server.serve("/file", whole(CONTENT))

    assert harness.fetch([url]).source == server.url("/file?...")
    assert server.seen[-1].path == "/file?key=hunter2"
    assert server.seen[-1].headers["Authorization"].startswith("Basic ")


def test_mirrors_stand_for_the_host(server: FaultyServer, harness: Harness) -> None:
    server.serve("/zoo/model", whole(CONTENT))

    fetched = harness.fetch(["https://zoo.example/model"], mirrors={"https://zoo.example": server.url("/zoo")})

    assert fetched.source == server.url("/zoo/model")


def test_the_environments_proxy_is_used(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))
    server.serve("http://far.example/file", whole(CONTENT))

    harness.fetch(["http://far.example/file"])

    assert server.seen[0].path == "http://far.example/file"


def test_a_proxy_that_refuses_is_named(server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", server.url(""))

    assert harness.refused(["https://far.example/file"], tries=1).startswith("the proxy did not let us through")


@pytest.mark.parametrize("how", [str, "file://{}".format, lambda path: path])
def test_local_files_are_copied(tmp_path: Path, harness: Harness, how: Any) -> None:
    path = tmp_path / "local.bin"
    path.write_bytes(CONTENT)

    fetched = harness.fetch([how(path)], offline=True)

    assert fetched.source == str(path)
    assert path.read_bytes() == harness.destination.read_bytes() == CONTENT


def test_local_problems_are_named(tmp_path: Path, harness: Harness) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"x")

    assert harness.refused([tmp_path / "absent"]) == "no such file"
    assert harness.refused([tmp_path]) == "it is a folder, not a file"
    assert harness.refused([wrong]) == "it has 1 bytes where 16,384 were expected"
    assert "wrong hash" in harness.refused([wrong], Expected([SHA256]))
    assert wrong.exists()


def test_offline_asks_no_server(server: FaultyServer, harness: Harness) -> None:
    assert harness.refused([server.url("/file")], offline=True) == "not asked, because of --offline"
    assert server.seen == []


def test_no_sources_is_an_error_too(harness: Harness) -> None:
    with pytest.raises(DownloadError, match="no source was given"):
        harness.fetch([])


def test_a_closed_port_is_a_refused_connection(harness: Harness) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = unused.getsockname()[1]

        reason = harness.refused([f"http://127.0.0.1:{port}/file"], tries=2)

    assert reason == "it refused the connection (2 tries)"


def test_a_name_that_does_not_resolve_is_said_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert harness.refused(["http://zoo.example/file"]) == (
        "the name zoo.example cannot be resolved (no network, or no such host)"
    )
    assert harness.waits == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "there is no network to it"),
        (TimeoutError("timed out"), "no answer within 3 s (1 tries)"),
    ],
)
def test_no_way_to_the_host(harness: Harness, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr("urllib3.util.connection.create_connection", fail)

    assert harness.refused(["http://zoo.example/file"], connect_timeout_s=3, tries=1) == words


def test_a_full_disk_is_told_before_the_bytes_come(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly)
    url = server.serve("/file", whole(CONTENT))

    reason = harness.refused([url, url])

    assert "the disk is too full: 16,384 bytes are to come, 100 are free" in reason
    assert harness.steps == []


def test_a_disk_that_fills_up_ends_it_for_all_sources(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Partial, _chunk: bytes) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Partial, "append", fail)
    url = server.serve("/file", whole(CONTENT))

    assert "the disk is full" in harness.refused([url, url])
    assert len(server.seen) == 1


def test_a_folder_that_cannot_be_made_is_named(server: FaultyServer, harness: Harness) -> None:
    harness.partial.write_bytes(b"a file where the folder should be")

    assert "cannot be written to" in harness.refused([server.url("/file")])


def test_a_second_process_at_the_same_file_does_not_disturb(server: FaultyServer, harness: Harness) -> None:
    from scriptgraph.fetch.sources import Source

    url = server.serve("/file", whole(CONTENT))
    with Partial(harness.partial, Source.parse(url)) as other:
        other.append(b"half of it")
        other.flush()

        harness.fetch([url])

        assert other.size_bytes == len(b"half of it")
    assert harness.destination.read_bytes() == CONTENT


def test_a_destination_on_another_file_system(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    replace = Path.replace

    def across(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", across)

    harness.fetch([server.serve("/file", whole(CONTENT))])

    assert harness.destination.read_bytes() == CONTENT
    assert [path.name for path in harness.destination.parent.iterdir()] == ["file.bin"]
    assert list(harness.partial.iterdir()) == []
