"""Two halves are joined only if they are of one file, and only a whole file is recorded."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from download_harness import CONTENT, SHA256, Harness
from faulty_server import FaultyServer, part, raw, redirect, status, truncated, unmeasured, whole

from scriptgraph.fetch.download import Expected, TransferOptions, fetch
from scriptgraph.fetch.failures import DownloadError
from scriptgraph.fetch.partial_file import FileVersion, PartialFile
from scriptgraph.fetch.sources import FileSource
from scriptgraph.files import locks

if TYPE_CHECKING:
    from pathlib import Path

RECORD = Expected(record=True)
SIZE = len(CONTENT)
OLD = b"o" * SIZE
OLDER, NEWER, DATE = (f"Wed, 0{day} Jan 2025 00:00:00 GMT" for day in (1, 2, 3))

# The headers of the first half, and of an answer (206) that no half of another file may be joined to.
OTHER_VERSIONS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "another ETag": ({"ETag": '"v1"'}, {"ETag": '"v2"'}),
    "another weak ETag": (
        {"ETag": 'W/"v1"', "Last-Modified": OLDER, "Date": DATE},
        {"ETag": 'W/"v2"', "Last-Modified": OLDER},
    ),
    "another date": ({"ETag": '"v1"', "Last-Modified": OLDER}, {"ETag": '"v1"', "Last-Modified": NEWER}),
    "another length": ({"ETag": '"v1"'}, {"ETag": '"v1"', "Content-Range": f"bytes 1000-{SIZE - 1}/{SIZE + 1}"}),
    "no validator": ({"ETag": '"v1"'}, {}),
    "another part": ({"ETag": '"v1"'}, {"ETag": '"v1"', "Content-Range": f"bytes 999-{SIZE - 1}/{SIZE}"}),
    "no range": ({"ETag": '"v1"'}, {"ETag": '"v1"', "Content-Range": ""}),
    "a range of thousands of digits": (
        {"ETag": '"v1"'},
        {"ETag": '"v1"', "Content-Range": "bytes " + "1" * 5000 + "-2/3"},
    ),
    "a length that is not the part's": ({"ETag": '"v1"'}, {"ETag": '"v1"', "Content-Range": f"bytes 1000-1001/{SIZE}"}),
}


@pytest.mark.parametrize("name", OTHER_VERSIONS)
def test_halves_of_two_files_are_never_joined(server: FaultyServer, harness: Harness, name: str) -> None:
    first, second = OTHER_VERSIONS[name]
    url = server.serve("/file", truncated(OLD, 1000, headers=first), part(CONTENT, 1000, second), whole(CONTENT))

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in server.seen] == [None, "bytes=1000-", None]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"v1"'}, '"v1"'),
        ({"ETag": '"v1"', "Last-Modified": OLDER, "Date": DATE}, '"v1"'),
        ({"ETag": 'W/"v1"', "Last-Modified": OLDER, "Date": DATE}, OLDER),
        ({"Last-Modified": OLDER, "Date": DATE}, OLDER),
    ],
)
def test_an_exact_validator_continues_a_download(
    server: FaultyServer, harness: Harness, headers: dict[str, str], validator: str
) -> None:
    url = server.serve("/file", truncated(CONTENT, 1000, headers=headers), part(CONTENT, 1000, headers))

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT
    assert server.seen[1].headers["If-Range"] == validator


@pytest.mark.parametrize(
    "headers",
    [{}, {"ETag": 'W/"v1"'}, {"Last-Modified": OLDER, "Date": OLDER}, {"Last-Modified": "yesterday", "Date": DATE}],
)
def test_a_vague_validator_does_not_continue_a_download(
    server: FaultyServer, harness: Harness, headers: dict[str, str]
) -> None:
    url = server.serve("/file", truncated(OLD, 1000, headers=headers), whole(CONTENT))

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT
    assert "Range" not in server.seen[1].headers


def test_the_version_is_kept_with_the_partial_file(server: FaultyServer, harness: Harness) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": OLDER}
    harness.refused([server.serve("/file", truncated(CONTENT, 1000, headers=headers))], RECORD, tries=1)

    note = json.loads(next(harness.partial.glob("*.json")).read_text())

    assert note == {"validator": '"v1"', "etag": '"v1"', "modified": OLDER, "total_bytes": SIZE}


def test_a_refused_range_of_the_same_length_proves_nothing(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", truncated(OLD, 1000), status(416, {"Content-Range": "bytes */1000"}), whole(CONTENT))

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT


def test_another_source_does_not_continue_the_first_half(server: FaultyServer, harness: Harness) -> None:
    first = server.serve("/one", truncated(OLD, 1000))
    second = server.serve("/two", whole(CONTENT))

    harness.fetch([first, second], RECORD, tries=1)

    assert harness.destination.read_bytes() == CONTENT
    assert "Range" not in server.seen[-1].headers


def test_a_redirect_to_another_mirror_is_another_file(server: FaultyServer, harness: Harness) -> None:
    server.serve("/one", truncated(OLD, 1000, headers={"ETag": '"one"'}))
    server.serve("/two", part(CONTENT, 1000, {"ETag": '"two"'}), whole(CONTENT))
    url = server.serve("/file", redirect("/one"), redirect("/two"))

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT


@pytest.mark.parametrize("stored", [SIZE + 1, 1000])
def test_a_half_longer_than_its_file_is_discarded(server: FaultyServer, harness: Harness, stored: int) -> None:
    url = server.serve("/file", whole(CONTENT))
    with closing(PartialFile(harness.partial, FileSource.parse(url))) as earlier:
        earlier.restart(FileVersion('"v1"', '"v1"', "", 999 if stored == 1000 else SIZE))
        earlier.file.write(b"x" * stored)

    harness.fetch([url], RECORD)

    assert harness.destination.read_bytes() == CONTENT
    assert "Range" not in server.seen[0].headers


NO_FILES: dict[str, tuple[Any, str]] = {
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "204: the server sent no file"),
    "205": (status(205), "205: the server sent no file"),
    "203": (status(203, body=CONTENT), "203: the server sent no file"),
    "302 without Location": (status(302, body=CONTENT), "302: the server sent no file"),
    "300": (status(300, body=CONTENT), "300: the server sent no file"),
    "304": (raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "304: the server sent no file"),
    "206 to a whole request": (part(CONTENT, 0, {"ETag": '"v1"'}), "206: the server sent a part of the file"),
}


@pytest.mark.parametrize("expected", [RECORD, Expected([SHA256])])
@pytest.mark.parametrize("name", NO_FILES)
def test_an_answer_without_a_file_is_refused(
    server: FaultyServer, harness: Harness, name: str, expected: Expected
) -> None:
    behaviour, words = NO_FILES[name]

    assert harness.refused([server.serve("/file", behaviour)], expected).startswith(words)


PAGES = {
    "doctype": b"<!DOCTYPE html><title>Log in</title>",
    "tag": b"  \n<HTML lang=en>",
    "head": b"<head><meta charset=utf-8>",
    "comment": b"<!-- saved -->\n<html>",
    "mark of UTF-8": b"\xef\xbb\xbf<!doctype html>",
    "UTF-16": "\ufeff<html>".encode("utf-16-le"),
    "XHTML": b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>",
    "S3": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>',
    "JSON": b'{"error": "Not found"}',
    "Git LFS": b"version https://git-lfs.example/spec/v1\noid sha256:0\n",
    "nothing": b"",
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_or_nothing_is_recorded_by_its_hash_alone(server: FaultyServer, harness: Harness, page: str) -> None:
    content = PAGES[page]
    url = server.serve("/file", whole(content, headers={"Content-Type": "application/octet-stream"}))

    assert harness.refused([url], RECORD).endswith("state its hash if it should be")
    assert list(harness.partial.iterdir()) == []
    assert harness.fetch([url], Expected([hashlib.sha256(content).hexdigest()])).size_bytes == len(content)


@pytest.mark.parametrize(
    "content",
    [b'<?xml version="1.0"?>\n<net name="model" version="10">', b'{"architectures": []}', b"<b", b"\xff\xfe\0"],
)
def test_files_that_begin_like_a_page_are_recorded(server: FaultyServer, harness: Harness, content: bytes) -> None:
    harness.fetch([server.serve("/file", whole(content))], RECORD)

    assert harness.destination.read_bytes() == content


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (unmeasured(CONTENT), "does not tell the file's length"),
        (whole(CONTENT, headers={"Content-Encoding": "gzip"}), "encoded the file ('gzip')"),
        (whole(CONTENT, headers={"Content-Type": "TEXT/HTML"}), "sent a web page"),
        (whole(CONTENT, headers={"Content-Type": "application/xhtml+xml"}), "sent a web page"),
    ],
)
def test_what_may_be_incomplete_is_not_recorded(
    server: FaultyServer, harness: Harness, behaviour: Any, words: str
) -> None:
    url = server.serve("/file", behaviour)

    assert words in harness.refused([url], RECORD)
    assert harness.fetch([url]).sha256 == SHA256


def test_a_compressed_file_labelled_as_encoded_is_recorded(server: FaultyServer, harness: Harness) -> None:
    harness.fetch([server.serve("/a.tar.gz", whole(CONTENT, headers={"Content-Encoding": "gzip"}))], RECORD)

    assert harness.destination.read_bytes() == CONTENT


def test_a_file_published_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource.parse("http://host.example/file")
    first = PartialFile(tmp_path, source)
    first.file.write(CONTENT)
    acquire = locks.acquire

    def late(file: Any, **options: Any) -> bool:
        if not first.file.closed:  # the first holder publishes between the second's opening and locking
            first.publish(tmp_path / "published")
            first.close()
        return bool(acquire(file, **options))

    monkeypatch.setattr(locks, "acquire", late)
    with closing(PartialFile(tmp_path, source)) as second:
        assert second.size_bytes == 0
        second.restart(FileVersion())

    assert (tmp_path / "published").read_bytes() == CONTENT


def test_many_threads_fetch_one_address_at_once(server: FaultyServer, tmp_path: Path) -> None:
    url = server.serve("/file", whole(CONTENT))
    together = threading.Barrier(4)
    problems: list[BaseException] = []

    def one(number: int) -> None:
        together.wait()
        try:
            fetch([url], tmp_path / f"{number}" / "file", Expected([SHA256]), TransferOptions(tmp_path / "partial"))
        except DownloadError as error:
            problems.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert problems == []
    assert [(tmp_path / f"{number}" / "file").read_bytes() for number in range(4)] == [CONTENT] * 4
    assert list((tmp_path / "partial").iterdir()) == []
