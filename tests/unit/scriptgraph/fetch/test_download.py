"""A file is fetched, checked, described, and continued where it stopped."""

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
