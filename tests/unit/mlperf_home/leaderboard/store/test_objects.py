"""A bundle's archive comes back as it was kept, from a folder and from a server that speaks S3."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from s3_servers import BUCKET, SECRET, S3Server, s3_server

from mlperf_home.leaderboard.store import s3
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.objects import FolderObjects, Objects, checked_place, object_name
from mlperf_home.leaderboard.store.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLE = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{request.node.name.partition('[')[0]}"


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, prefix: str) -> Objects:
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    request.getfixturevalue("server")
    return S3Objects(prefix, "a board")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(b"a bundle" * 500_000)
    return path


def read(objects: Objects, tmp_path: Path, bundle: str = BUNDLE) -> bytes:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return objects.archive(bundle, scratch).read_bytes()


def test_an_archive_comes_back_as_it_was_kept(objects: Objects, archive: Path, tmp_path: Path) -> None:
    objects.require_free()
    for _ in range(2):
        objects.keep(archive, BUNDLE)
        assert read(objects, tmp_path) == archive.read_bytes()


def test_what_a_killed_collector_left_is_replaced(objects: Objects, archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(b"other bytes")
    objects.keep(archive, BUNDLE)
    archive.write_bytes(b"a bundle")
    objects.keep(archive, BUNDLE)
    assert read(objects, tmp_path) == b"a bundle"


def test_a_lost_archive_is_named(objects: Objects, archive: Path, tmp_path: Path) -> None:
    objects.keep(archive, BUNDLE)
    with pytest.raises(BoardError, match=f"{OTHER}.tar.gz: is lost or changed"):
        read(objects, tmp_path, OTHER)


def test_a_prefix_belongs_to_one_board(server: S3Server, prefix: str, archive: Path) -> None:
    S3Objects(prefix, "a board").keep(archive, BUNDLE)
    S3Objects(prefix, "a board").require_free()
    other = S3Objects(prefix, "another board")
    with pytest.raises(BoardError, match=r"holds the objects of another board \('a board'\); name another prefix"):
        other.require_free()
    with pytest.raises(BoardError, match="another board"):
        other.keep(archive, OTHER)
    assert not [name for name in server.names() if name.endswith(object_name(OTHER))]


def test_a_server_that_is_gone_is_named_without_keys(
    server: S3Server, prefix: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PATIENCE_S", 0.01)
    objects = S3Objects(prefix, "a board")
    with server.stopped(), pytest.raises(BoardError) as caught:
        objects.keep(archive, BUNDLE)
    assert str(caught.value).startswith(f"{prefix}: cannot be used (")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    objects.keep(archive, BUNDLE)


def test_a_server_that_comes_back_is_waited_for(server: S3Server, prefix: str, archive: Path, tmp_path: Path) -> None:
    objects = S3Objects(prefix, "a board")
    server.running.stop()
    threading.Timer(0.5, server.start).start()
    objects.keep(archive, BUNDLE)
    assert read(objects, tmp_path) == archive.read_bytes()


def test_a_bucket_that_does_not_exist_is_named(server: S3Server) -> None:
    with pytest.raises(BoardError, match="s3://no-such-bucket/x: cannot be used: there is no such bucket"):
        S3Objects("s3://no-such-bucket/x", "a board").require_free()


def test_without_keys_nothing_is_sent(server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(BoardError, match="the environment has no keys; set AWS_ACCESS_KEY_ID"):
        S3Objects(prefix, "a board")


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "find_spec", lambda _: None)
    with pytest.raises(BoardError, match=r"needs the package obstore.*pip install 'mlperf-home\[s3\]'"):
        S3Objects("s3://bucket", "a board")


@pytest.mark.parametrize(
    "text",
    [
        *("", "s3://", "s3://b", "bucket/x", "https://host/bucket", "s3://key:secret@bucket/x", "s3://bucket/../x"),
        *("s3://bucket/x?y=1", "s3://bucket//x", "s3://bucket/x\n", "s3://bucket/x y", "s3://Bucket/x"),
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BoardError, match="is no place for objects; write s3://BUCKET/PREFIX"):
        checked_place(text)


def test_a_place_has_no_slash_at_its_end() -> None:
    assert checked_place("s3://my.bucket-1/a/b_c/") == "s3://my.bucket-1/a/b_c"


def test_a_board_remembers_its_place_and_no_key(server: S3Server, prefix: str, tmp_path: Path) -> None:
    board = Board(tmp_path / "board")
    with board.held():
        board.create(sample=True, objects=f"{prefix}/")
        board.create(sample=True)
        with pytest.raises(BoardError, match=f"keeps its objects in {prefix}, not in s3://boards/x; leave out"):
            board.create(sample=True, objects="s3://boards/x")
    assert Board(tmp_path / "board").settings.objects == prefix
    text = (tmp_path / "board" / "board.json").read_text()
    assert not [word for word in (SECRET, "tester", server.endpoint) if word in text]


def test_a_board_is_not_begun_in_anothers_prefix(server: S3Server, prefix: str, tmp_path: Path, archive: Path) -> None:
    S3Objects(prefix, "another board").keep(archive, BUNDLE)
    with pytest.raises(BoardError, match="another board"):
        Board(tmp_path / "board").create(sample=True, objects=prefix)
    assert not (tmp_path / "board").exists()
