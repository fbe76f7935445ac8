"""A file is replaced completely or not at all, also among other writers and readers."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from scriptgraph.files.atomic import LockedJson, remove_leftovers, replace_bytes, replace_text, replacement, sync_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    return path


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_a_reader_sees_the_old_file_until_the_block_ends(path: Path) -> None:
    with replacement(path) as file:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert names(path) == ["file.json"]


def test_an_open_reader_keeps_the_old_file(path: Path) -> None:
    with path.open("rb") as reader:
        replace_bytes(path, b"new, and longer")

        assert reader.read() == b"old"


def test_an_absent_file_is_created(tmp_path: Path) -> None:
    replace_bytes(tmp_path / "new", b"\x00\xff")

    assert (tmp_path / "new").read_bytes() == b"\x00\xff"
    assert names(tmp_path / "new") == ["new"]


def test_text_is_utf_8_with_its_newlines(path: Path) -> None:
    replace_text(path, "é\r\n\n")

    assert path.read_bytes() == b"\xc3\xa9\r\n\n"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_alone(path: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with replacement(path) as file:
            file.write(b"half of the ne")
            raise error

    with pytest.raises(error):
        write()

    assert path.read_bytes() == b"old"
    assert names(path) == ["file.json"]


def test_a_disk_that_fails_at_the_end_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="No space left"):
        replace_bytes(path, b"new")

    assert path.read_bytes() == b"old"
    assert names(path) == ["file.json"]


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_text(tmp_path / "absent/file", "new")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_permissions_are_kept(path: Path, mode: int) -> None:
    path.chmod(mode)

    replace_bytes(path, b"new")

    assert path.stat().st_mode & 0o777 == mode
    assert path.read_bytes() == b"new"


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")

    replace_bytes(tmp_path / "atomic", b"")

    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_threads_at_the_same_path_leave_one_whole_file(path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: replace_bytes(path, content), contents * 4))

    assert path.read_bytes() in contents
    assert names(path) == ["file.json"]


def test_a_reader_among_writers_sees_whole_files(path: Path) -> None:
    contents = [bytes([number]) * 10_000 for number in range(8)]
    replace_bytes(path, contents[0])

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(replace_bytes, path, content) for content in contents * 8]
        while not all(each.done() for each in writing):
            assert path.read_bytes() in contents

    assert all(each.exception() is None for each in writing)


def test_a_killed_writers_file_of_the_same_name_is_skipped(path: Path) -> None:
    with replacement(path) as file:
        left = os.readlink(f"/proc/self/fd/{file.fileno()}")  # noqa: PTH115 - no Path of ours
    before, dash, number = left.removesuffix(".partial").rpartition("-")
    stale = path.with_name(f"{os.path.basename(before)}{dash}{int(number) + 1}.partial")  # noqa: PTH119 - as above
    stale.write_bytes(b"left by another")

    replace_bytes(path, b"new")

    assert path.read_bytes() == b"new"
    assert stale.read_bytes() == b"left by another"


def test_leftovers_of_one_path_are_removed(path: Path) -> None:
    for name in (".file.json.1-2.partial", ".file.json.3-4.partial", ".other.1-2.partial", "file.json.partial"):
        path.with_name(name).write_bytes(b"")

    remove_leftovers(path)

    assert names(path) == [".other.1-2.partial", "file.json", "file.json.partial"]


def test_wildcards_in_a_name_match_only_themselves(tmp_path: Path) -> None:
    for name in (".[ab]*.1-2.partial", ".a.1-2.partial"):
        (tmp_path / name).write_bytes(b"")

    remove_leftovers(tmp_path / "[ab]*")

    assert names(tmp_path / "any") == [".a.1-2.partial"]


def test_only_a_folder_can_be_synced(path: Path) -> None:
    sync_folder(path.parent)

    with pytest.raises(NotADirectoryError):
        sync_folder(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"a": "\xff"}', b'{"a": NaN}'])
def test_an_unreadable_object_counts_as_empty(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    file = LockedJson(path)
    assert file.read() == {}

    file.update(lambda document: document.update({"/a/\udcff": 1}))

    assert file.read() == {"/a/\udcff": 1}
