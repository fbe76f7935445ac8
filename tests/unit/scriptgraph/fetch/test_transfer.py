"""Where a file comes from: the next source, mirrors, proxies, this machine; and where it cannot go."""

from __future__ import annotations

import errno
import io
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
from scriptgraph.fetch.sources import Source
from scriptgraph.fetch.transfer import Partial


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


def test_a_local_file_begins_anew_and_needs_room_for_all_of_it(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    with closing(Partial(harness.partial, Source.parse(tmp_path / "file"))) as earlier:
        earlier.file.write(CONTENT[:-100])
    nearly = shutil.disk_usage("/")._replace(free=200)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly)

    assert "16,384 bytes are to come, 200 are free" in harness.refused([tmp_path / "file"])


def test_a_disk_that_fills_up_ends_it_for_all_sources(
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


def test_a_folder_that_cannot_be_made_is_named(server: FaultyServer, harness: Harness) -> None:
    harness.partial.write_bytes(b"a file where the folder should be")

    assert "cannot be written to" in harness.refused([server.url("/file")])


def test_a_second_process_at_the_same_file_does_not_disturb(server: FaultyServer, harness: Harness) -> None:
    url = server.serve("/file", whole(CONTENT))
    with closing(Partial(harness.partial, Source.parse(url))) as other:
        other.file.write(b"half of it")
        other.file.flush()

        harness.fetch([url])

        assert other.size_bytes == len(b"half of it")
    assert harness.destination.read_bytes() == CONTENT


def test_a_destination_on_another_file_system(
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
def test_a_damaged_note_is_none(tmp_path: Path, note: str) -> None:
    with closing(Partial(tmp_path, Source.parse("http://host/file"))) as partial:
        partial.path.with_suffix(".json").write_text(note)

        assert partial.version.validator == ""
