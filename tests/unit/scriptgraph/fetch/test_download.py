"""A file is downloaded and checked; an interrupted download is resumed."""

from __future__ import annotations

import pytest
from download_harness import CONTENT, MD5, SHA256, Harness
from faulty_server import (
    FaultyServer,
    reset,
    status,
    truncated,
    whole,
)

from scriptgraph.fetch.download import Expected, UnknownHashError
from scriptgraph.fetch.hashes import HashError


def test_a_file_is_fetched_and_checked(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    fetched = harness.fetch([url], Expected([MD5], len(CONTENT)))

    assert harness.destination.read_bytes() == CONTENT
    assert (fetched.source, fetched.path, fetched.size_bytes) == (url, harness.destination, len(CONTENT))
    assert [str(digest) for digest in fetched.digests] == [MD5, SHA256]
    assert fetched.sha256 == SHA256
    assert harness.steps[-1] == (len(CONTENT), len(CONTENT))
    assert list(harness.partial.iterdir()) == []


def test_an_existing_file_with_its_hash_is_kept(server: FaultyServer, harness: Harness) -> None:
    harness.destination.parent.mkdir()
    harness.destination.write_bytes(CONTENT)

    assert harness.fetch([server.url("/file")]).source == ""
    assert server.seen == []


def test_an_existing_file_with_another_hash_is_replaced(server: FaultyServer, harness: Harness) -> None:
    harness.destination.parent.mkdir()
    harness.destination.write_bytes(b"old")

    harness.fetch([server.serve("/file", whole(CONTENT))])

    assert harness.destination.read_bytes() == CONTENT


def test_without_a_hash_recording_must_be_allowed(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))

    with pytest.raises(UnknownHashError, match="has no expected hash"):
        harness.fetch([url], Expected())
    assert harness.fetch([url], Expected(record=True)).sha256 == SHA256


def test_a_malformed_hash_is_refused_before_any_request(server: FaultyServer, harness: Harness) -> None:
    with pytest.raises(HashError):
        harness.fetch([server.url("/file")], Expected(["sha256:12"]))
    assert server.seen == []


def test_a_truncated_download_is_resumed(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), whole(CONTENT))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT
    assert server.seen[1].headers["Range"] == "bytes=1000-"
    assert server.seen[1].headers["If-Range"] == '"v1"'
    assert harness.waits == [1.0]


def test_the_next_run_resumes_a_download(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000))
    assert "the connection ended before the end of the file (attempts: 1)" in harness.refused([url], tries=1)
    assert harness.left() == [1000]
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])

    assert server.seen[-1].headers["Range"] == "bytes=1000-"
    assert harness.destination.read_bytes() == CONTENT


def test_a_complete_unpublished_download_needs_no_bytes(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000))
    harness.refused([url], tries=1)
    next(harness.partial.glob("*.part")).write_bytes(CONTENT)
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])

    assert harness.steps[-1] == (1000, len(CONTENT))  # of the first run


def test_a_server_without_ranges_restarts_the_download(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), whole(CONTENT, ranges=False))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT


def test_a_file_changed_between_attempts_is_restarted(server: FaultyServer, harness: Harness) -> None:
    older = b"x" * len(CONTENT)
    url = server.serve("/file", truncated(older, 1000, etag='"v0"'), whole(CONTENT))

    harness.fetch([url])

    assert harness.destination.read_bytes() == CONTENT


def test_a_changed_file_is_restarted_without_if_range_too(server: FaultyServer, harness: Harness) -> None:
    longer = whole(CONTENT + b"more", guarded=False)
    url = server.serve("/file", truncated(CONTENT, 1000), longer)

    reason = harness.refused([url], Expected([SHA256]), tries=3)

    assert "wrong hash" in reason
    assert [request.headers.get("Range") for request in server.seen] == [None, "bytes=1000-", None]


def test_stale_first_bytes_are_discarded_once(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(b"x" * len(CONTENT), 1000))
    harness.refused([url], tries=1)
    server.serve("/file", whole(CONTENT))

    harness.fetch([url])  # the same ETag with other content: only the hash reveals it

    assert harness.destination.read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in server.seen] == [None, "bytes=1000-", None]


def test_without_hash_and_validator_nothing_is_resumed(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", reset(CONTENT, 1000), whole(CONTENT))

    harness.fetch([url], Expected(record=True))

    assert "Range" not in server.seen[1].headers
    assert harness.destination.read_bytes() == CONTENT


def test_a_refused_range_restarts_the_download(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000), status(416), whole(CONTENT))

    harness.fetch([url])

    assert "Range" not in server.seen[2].headers
    assert harness.destination.read_bytes() == CONTENT
