"""Transfers from servers, mirrors, proxies and this machine, and disks that cannot be written."""

from __future__ import annotations

import errno
import io
import os
import shutil
import socket
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
from download_harness import CONTENT, SHA256, Harness
from faulty_server import (
    FaultyServer,
    whole,
)

from scriptgraph.fetch.download import Expected
from scriptgraph.fetch.failures import DownloadError
from scriptgraph.fetch.partial_file import PartialFile
from scriptgraph.fetch.sources import FileSource


def test_a_compressed_file_stays_compressed(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT, headers={"Content-Encoding": "gzip"}))

    harness.fetch([url])

    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert harness.destination.read_bytes() == CONTENT


def test_every_failed_source_is_reported_with_its_reason(server: FaultyServer, harness: Harness) -> None:
    bad = [server.url("/absent"), server.serve("/wrong", whole(b"x")), "ftp://host/file", "/no/such/file"]
    with pytest.raises(DownloadError) as failure:
        harness.fetch(bad, Expected([SHA256]))

    text = str(failure.value)
    assert text.startswith("file.bin could not be fetched: ")
    assert f"{bad[0]}: 404: the server has no such file; {bad[1]}: wrong hash" in text
    assert "ftp://host/file: has an unsupported scheme; use http, https or file; /no/such/file: no such file." in text
    assert "\n" not in text

    assert harness.fetch([*bad, server.serve("/file", whole(CONTENT))]).source == server.url("/file")


def test_secrets_of_an_address_are_used_but_not_shown(server: FaultyServer, harness: Harness) -> None:
    url = server.url("/file?key=hunter2").replace("//", "//me:hunter2@")
    with pytest.raises(DownloadError) as failure:
        harness.fetch([url])
    assert "hunter2" not in failure.value.report()
    server.serve("/file", whole(CONTENT))

    assert harness.fetch([url]).source == server.url("/file?...")
    assert server.seen[-1].path == "/file?key=hunter2"
    assert server.seen[-1].headers["Authorization"].startswith("Basic ")


def test_a_mirror_replaces_the_host(server: FaultyServer, harness: Harness) -> None:
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


def test_a_refusing_proxy_is_reported(server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", server.url(""))

    assert harness.refused(["https://far.example/file"], tries=1).startswith("the proxy refused the connection")


@pytest.mark.parametrize("spelling", [str, "file://{}".format, lambda path: path])
def test_local_files_are_copied(tmp_path: Path, harness: Harness, spelling: Any) -> None:
    path = tmp_path / "local.bin"
    path.write_bytes(CONTENT)

    fetched = harness.fetch([spelling(path)], offline=True)

    assert fetched.source == str(path)
    assert path.read_bytes() == harness.destination.read_bytes() == CONTENT


def test_problems_of_local_files_are_reported(tmp_path: Path, harness: Harness) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"x")

    assert harness.refused([tmp_path / "absent"]) == "no such file"
    assert harness.refused([tmp_path]) == "is a folder, not a file"
    assert harness.refused([wrong]) == "the file has 1 bytes, expected were 16,384"
    assert "wrong hash" in harness.refused([wrong], Expected([SHA256]))
    assert wrong.exists()


def test_a_local_source_that_is_no_file_tries_the_next(tmp_path: Path, harness: Harness) -> None:
    os.mkfifo(tmp_path / "pipe")
    good = tmp_path / "good"
    good.write_bytes(CONTENT)
    bad = [
        tmp_path / "pipe",
        "/dev/zero",
        tmp_path / ("x" * 300),
        "file:///a%00b",
        "~no-such-user/file",
        tmp_path / "good/x",
    ]

    assert harness.fetch([*bad, good]).source == str(good)


def test_a_local_file_that_changes_is_not_recorded(
    tmp_path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(CONTENT)
    fstat = os.fstat

    def earlier(descriptor: int) -> Any:
        found = list(fstat(descriptor))
        found[6] -= 100 if found[6] == len(CONTENT) else 0
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", earlier)

    assert "were announced" in harness.refused([path], Expected(record=True))


def test_servers_are_skipped_offline(server: FaultyServer, harness: Harness) -> None:
    assert harness.refused([server.url("/file")], offline=True) == "skipped because of --offline"
    assert server.seen == []


def test_a_file_without_sources_is_an_error(harness: Harness) -> None:
    with pytest.raises(DownloadError, match="it has no source"):
        harness.fetch([])


def test_a_closed_port_is_a_refused_connection(harness: Harness) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = unused.getsockname()[1]

        reason = harness.refused([f"http://127.0.0.1:{port}/file"], tries=2)

    assert reason == "the host refused the connection (attempts: 2)"


def test_an_unresolved_name_is_not_retried(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert harness.refused(["http://zoo.example/file"]) == (
        "the name zoo.example cannot be resolved; check the name and the network"
    )
    assert harness.waits == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "the host cannot be reached; check the network"),
        (TimeoutError("timed out"), "no answer within 3 s (attempts: 1)"),
    ],
)
def test_an_unreachable_host(harness: Harness, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr("urllib3.util.connection.create_connection", fail)

    assert harness.refused(["http://zoo.example/file"], connect_timeout_s=3, tries=1) == words


def test_a_full_disk_is_reported_before_the_transfer(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly)
    url = server.serve("/file", whole(CONTENT))

    reason = harness.refused([url, url])

    assert "the disk is too full: 16,384 bytes are missing, 100 are free" in reason
    assert harness.steps == []


def test_a_local_file_restarts_and_needs_room_for_all_bytes(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    with closing(PartialFile(harness.partial, FileSource.parse(tmp_path / "file"))) as earlier:
        earlier.file.write(CONTENT[:-100])
    nearly = shutil.disk_usage("/")._replace(free=200)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly)

    assert "16,384 bytes are missing, 200 are free" in harness.refused([tmp_path / "file"])


def test_a_disk_that_fills_up_ends_all_attempts(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BufferedWriter):
        def write(self, _chunk: object) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = opened(self, mode, *rest, **more)
        return Full(file.detach()) if mode == "ab" else file

    opened = Path.open
    monkeypatch.setattr(Path, "open", full)
    url = server.serve("/file", whole(CONTENT))

    assert "the disk is full" in harness.refused([url, url])
    assert len(server.seen) == 1


def test_a_folder_that_cannot_be_made_is_reported(server: FaultyServer, harness: Harness) -> None:
    harness.partial.write_bytes(b"a file where the folder should be")

    assert "cannot be written (" in harness.refused([server.url("/file")])


def test_a_second_process_uses_another_partial_file(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))
    with closing(PartialFile(harness.partial, FileSource.parse(url))) as other:
        other.file.write(b"half of it")
        other.file.flush()

        harness.fetch([url])

        assert other.size_bytes == len(b"half of it")
    assert harness.destination.read_bytes() == CONTENT


def test_a_file_is_published_on_another_file_system(
    server: FaultyServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.parametrize(
    "note", ["{", "[]", "[" * 100_000, '{"validator": "x"}', '{"validator": "x", "total_bytes": []}', '{"a": 1e999}']
)
def test_a_damaged_note_is_ignored(tmp_path: Path, note: str) -> None:
    with closing(PartialFile(tmp_path, FileSource.parse("http://host/file"))) as partial:
        partial.path.with_suffix(".json").write_text(note)

        assert partial.version.validator == ""
