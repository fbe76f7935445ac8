"""A large folder is hashed once, until something in it changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from scriptgraph.cache import digests
from scriptgraph.cache.digests import KnownDigests
from scriptgraph.files import stamps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "model").write_bytes(bytes(300_000))
    (folder / "code.py").write_text("x = 1", encoding="utf-8")
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "index" / "digests.json"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock one hour ahead, so that all files are old."""
    now_ns = time.time_ns
    monkeypatch.setattr(stamps.time, "time_ns", lambda: now_ns() + 3_600_000_000_000)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the folders that were hashed."""
    read: list[str] = []
    original = digests._hash

    def hashing(folder: Path, names: list[str]) -> str:
        read.append(folder.name)
        return original(folder, names)

    monkeypatch.setattr(digests, "_hash", hashing)
    return read


def add(folder: Path) -> None:
    (folder / "new").touch()


def remove(folder: Path) -> None:
    (folder / "code.py").unlink()


def rename(folder: Path) -> None:
    (folder / "code.py").rename(folder / "mode.py")


def lengthen(folder: Path) -> None:
    (folder / "code.py").write_text("x = 10", encoding="utf-8")


def same_length(folder: Path) -> None:
    (folder / "code.py").write_text("x = 2", encoding="utf-8")


@pytest.mark.usefixtures("later")
def test_a_large_folder_is_hashed_once(large: Path, kept: Path, hashed: list[str]) -> None:
    digests = [KnownDigests(kept).of_folder(large) for _ in range(3)]

    assert hashed == ["large"]
    assert set(digests) == {KnownDigests().of_folder(large)}


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", [add, remove, rename, lengthen])
def test_a_change_is_detected(large: Path, kept: Path, change: object) -> None:
    before = KnownDigests(kept).of_folder(large)
    change(large)  # type: ignore[operator]

    assert KnownDigests(kept).of_folder(large) not in {before, ""}
    assert KnownDigests(kept).of_folder(large) == KnownDigests().of_folder(large)


def test_a_change_right_after_the_first_hash_is_detected(large: Path, kept: Path) -> None:
    before = KnownDigests(kept).of_folder(large)
    same_length(large)

    assert KnownDigests(kept).of_folder(large) != before


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"%s": 7}', '{"%s": []}'])
def test_a_damaged_file_of_digests_is_ignored(large: Path, kept: Path, text: str) -> None:
    kept.parent.mkdir()
    kept.write_text(text.replace("%s", str(large)), encoding="utf-8")

    assert KnownDigests(kept).of_folder(large) == KnownDigests().of_folder(large)


@pytest.mark.usefixtures("later")
def test_without_a_file_of_digests_the_folder_is_hashed(large: Path, kept: Path) -> None:
    kept.parent.write_text("in the way", encoding="utf-8")

    assert KnownDigests(kept).of_folder(large) == KnownDigests().of_folder(large)


def test_a_link_to_the_folder_itself_adds_nothing(large: Path) -> None:
    before = KnownDigests().of_folder(large)
    (large / "loop").symlink_to(large)

    assert KnownDigests().of_folder(large) == before


def test_folders_behind_links_are_content(large: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "data").write_text("1", encoding="utf-8")
    (beside / "back").symlink_to(large)
    for name in ("first", "second"):  # each folder once
        (large / "deeper" / name).symlink_to(beside)
    before = KnownDigests().of_folder(large)
    (beside / "data").write_text("2", encoding="utf-8")

    assert KnownDigests().of_folder(large) != before


def test_many_links_between_folders_are_walked_once(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / str(number)).mkdir()
    for number in range(11):  # 2 ** 11 ways to the last
        for name in ("a", "b"):
            (tmp_path / str(number) / name).symlink_to(tmp_path / str(number + 1))

    assert len(KnownDigests().of_folder(tmp_path)) == 64
