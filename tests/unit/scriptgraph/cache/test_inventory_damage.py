"""Every kind of damage to an entry is detected."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from scriptgraph.cache.inventory import changed_contents
from scriptgraph.cache.store import Cache, Entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "a" * 64


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


@pytest.fixture
def entry(cache: Cache) -> Entry:
    """An entry with files, one of them empty, and links to a file, to a folder and to an absent path."""
    with cache.locks.making(KEY), cache.making(KEY) as content:
        (content / "deep/er").mkdir(parents=True)
        (content / "made.txt").write_text("whole", encoding="utf-8")
        (content / "deep/er/empty").touch()
        (content / "deep/na\udcffme").write_text("odd", encoding="utf-8")
        (content / "link").symlink_to("made.txt")
        (content / "folder").symlink_to("deep")
        (content / "nowhere").symlink_to("/absent")
        return cache.publish(KEY, content, {}, {})


def test_an_intact_entry_is_found(cache: Cache, entry: Entry) -> None:
    assert cache.find(KEY) == entry
    assert cache.damage(KEY) == ""
    assert list(changed_contents(entry.path)) == []


def relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (lambda content: (content / "made.txt").unlink(), "content/made.txt is missing"),
    "emptied": (lambda content: (content / "made.txt").write_text(""), "content/made.txt has 0 bytes instead of 5"),
    "truncated": (
        lambda content: (content / "made.txt").write_text("who"),
        "content/made.txt has 3 bytes instead of 5",
    ),
    "an odd name": (lambda content: (content / "deep/na\udcffme").unlink(), "content/deep/na\udcffme is missing"),
    "filled": (
        lambda content: (content / "deep/er/empty").write_text("x"),
        "content/deep/er/empty has 1 bytes instead of 0",
    ),
    "a folder's": (lambda content: shutil.rmtree(content / "deep/er"), "content/deep/er/empty is missing"),
    "replaced by a link": (
        lambda content: relink(content / "made.txt", "deep/er/empty"),
        "content/made.txt is no longer a file",
    ),
    "a link": (lambda content: (content / "link").unlink(), "content/link is no longer a link to made.txt"),
    "another link": (
        lambda content: relink(content / "folder", "deep/er"),
        "content/folder is no longer a link to deep",
    ),
    "everything": (shutil.rmtree, "content is missing"),
    "no inventory": (
        lambda content: (content.parent / "inventory.json").unlink(),
        "inventory.json cannot be read (No such file or directory)",
    ),
    "half an inventory": (
        lambda content: (content.parent / "inventory.json").write_text('{"files": '),
        "inventory.json is not JSON (Expecting value: line 1 column 11 (char 10))",
    ),
    "an odd inventory": (
        lambda content: (content.parent / "inventory.json").write_text('{"files": [], "links": {}}'),
        "inventory.json is not an inventory",
    ),
    "a nested inventory": (
        lambda content: (content.parent / "inventory.json").write_text("[" * 100_000),
        "inventory.json is nested more than 4 levels deep",
    ),
    "an inventory with an odd name": (
        lambda content: (content.parent / "inventory.json").write_text('{"files": {"a\\u0000": 1}, "links": {}}'),
        "content/a\0 is missing",
    ),
    "an inventory with an odd link": (
        lambda content: (content.parent / "inventory.json").write_text('{"files": {}, "links": {"a\\u0000": "b"}}'),
        "content/a\0 is no longer a link to b",
    ),
    "no description": (
        lambda content: (content.parent / "entry.json").unlink(),
        "entry.json cannot be read (No such file or directory)",
    ),
    "a nested description": (
        lambda content: (content.parent / "entry.json").write_text("[" * 100_000),
        "entry.json is nested more than 64 levels deep",
    ),
    "a description that is not UTF-8": (
        lambda content: (content.parent / "entry.json").write_bytes(b'{"key": "\xff"}'),
        "entry.json is not UTF-8 text at byte 9",
    ),
    "an odd description": (
        lambda content: (content.parent / "entry.json").write_text("[]"),
        "entry.json does not describe an entry",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_entry_is_not_found_and_has_a_reason(cache: Cache, entry: Entry, kind: str) -> None:
    damage, expected = DAMAGES[kind]
    damage(entry.content)

    assert cache.find(KEY) is None
    assert cache.damage(KEY) == expected


def test_added_files_are_no_damage(cache: Cache, entry: Entry) -> None:
    (entry.content / "later").touch()

    assert cache.find(KEY) == entry
    assert list(changed_contents(entry.path)) == []


def test_compiled_python_may_change_and_disappear(cache: Cache) -> None:
    with cache.locks.making(KEY), cache.making(KEY) as content:
        (content / "__pycache__").mkdir()
        (content / "__pycache__/m.cpython-311.pyc").write_bytes(b"old")
        (content / "n.pyc").write_bytes(b"old")
        entry = cache.publish(KEY, content, {}, {})
    (entry.content / "__pycache__/m.cpython-311.pyc").write_bytes(b"other")
    (entry.content / "n.pyc").unlink()

    assert cache.find(KEY) == entry
    assert list(changed_contents(entry.path)) == []


def test_only_the_full_check_detects_bytes_of_the_same_size(cache: Cache, entry: Entry) -> None:
    (entry.content / "made.txt").write_text("hollow"[:5], encoding="utf-8")

    assert cache.find(KEY) == entry
    assert list(changed_contents(entry.path)) == ["content/made.txt does not have its recorded hash"]


def test_the_full_check_names_unreadable_files(entry: Entry) -> None:
    (entry.content / "made.txt").unlink()
    assert list(changed_contents(entry.path)) == ["content/made.txt cannot be read (No such file or directory)"]

    (entry.path / "sha256.json").write_text("[]")
    assert list(changed_contents(entry.path)) == ["sha256.json is not a JSON object"]
    (entry.path / "sha256.json").write_text("[" * 100_000)
    assert list(changed_contents(entry.path)) == ["sha256.json is nested more than 4 levels deep"]
    (entry.path / "sha256.json").write_text('{"a\\u0000": ""}')
    assert list(changed_contents(entry.path)) == ["content/a\0 cannot be read (embedded null byte)"]
