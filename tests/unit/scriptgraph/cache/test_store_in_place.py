"""Entries that are made at their final path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scriptgraph.cache.store import Cache

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ab" * 32


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.prepare()
    return made


def make(cache: Cache, text: str) -> Path:
    with cache.in_place(KEY) as content:
        (content / "file").write_text(text)
        cache.publish(KEY, content, {"CM_PATH": str(content / "file"), "CM_ON": "on"}, {"verbatim": True})
    return content


def test_content_is_published_where_it_was_made(cache: Cache) -> None:
    content = make(cache, "x")

    entry = cache.find(KEY)

    assert entry is not None
    assert (entry.content, entry.exports["CM_PATH"]) == (content, str(content / "file"))
    assert entry.exports["CM_ON"] == "on"


def test_an_unfinished_entry_is_not_found(cache: Cache) -> None:
    with cache.in_place(KEY) as content:
        (content / "file").write_text("x")

        assert cache.find(KEY) is None


def test_after_a_failure_the_earlier_entry_returns(cache: Cache) -> None:
    content = make(cache, "old")

    with pytest.raises(FileNotFoundError), cache.in_place(KEY) as again:
        (again / "missing" / "file").write_text("new")

    assert cache.find(KEY) is not None
    assert (content / "file").read_text() == "old"


def test_a_renewed_entry_replaces_the_earlier(cache: Cache) -> None:
    make(cache, "old")

    content = make(cache, "new")

    assert (content / "file").read_text() == "new"
    assert list(cache.making_folder.iterdir()) == []
