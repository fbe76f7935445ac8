"""An entry is complete or absent, and its paths stay valid when the cache moves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_scripts import files_below

from scriptgraph.cache.store import LAYOUT, Cache, Entry, content_key
from scriptgraph.errors import CacheError

KEY = content_key({"made of": "this"})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def publish(cache: Cache, exports: dict[str, Any] | None = None, key: str = KEY, text: str = "whole") -> Entry:
    with cache.locks.making(key), cache.making(key) as content:
        (content / "file.txt").write_text(text, encoding="utf-8")
        filled = {name: value(content) if callable(value) else value for name, value in (exports or {}).items()}
        return cache.publish(key, content, filled, {"alias": "x", "title": "x,_v"})


def fail_halfway(cache: Cache, error: type[BaseException]) -> None:
    with cache.making(KEY) as content:
        (content / "half.txt").write_text("half", encoding="utf-8")
        (cache.partial(KEY) / "file.part").write_text("half", encoding="utf-8")
        raise error


def test_a_published_entry_is_found(cache: Cache) -> None:
    exports = {"CM_TEXT": "t", "CM_FLAG": True, "CM_COUNT": 3, "CM_LIST": ("a", "b"), "CM_NONE": None}

    entry = publish(cache, exports)

    assert cache.find(KEY) == entry
    assert (entry.exports, entry.alias, entry.title) == (exports, "x", "x,_v")
    assert (entry.content / "file.txt").read_text(encoding="utf-8") == "whole"


def test_an_absent_entry_is_not_found(cache: Cache) -> None:
    assert cache.find(KEY) is None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failed_writer_leaves_only_its_downloads(cache: Cache, error: type[BaseException]) -> None:
    with pytest.raises(error):
        fail_halfway(cache, error)

    assert list(files_below(cache.root)) == [f"partial/{KEY}/file.part"]
    assert cache.find(KEY) is None


def test_a_killed_writers_files_are_not_in_the_next_entry(cache: Cache) -> None:
    left = cache.root / "making" / KEY / "content"
    left.mkdir(parents=True)
    (left / "half.txt").write_text("half", encoding="utf-8")

    entry = publish(cache)

    assert list(files_below(entry.content)) == ["file.txt"]
    assert list(files_below(cache.root / "making")) == []


def test_paths_into_the_entry_are_valid_after_the_rename(cache: Cache) -> None:
    entry = publish(
        cache,
        {
            "CM_PATH": lambda content: str(content / "file.txt"),
            "CM_OPTION": lambda content: f"--file={content}/file.txt",
            "CM_PATHS": lambda content: (str(content), "other"),
        },
    )

    assert entry.exports == {
        "CM_PATH": str(entry.content / "file.txt"),
        "CM_OPTION": f"--file={entry.content}/file.txt",
        "CM_PATHS": (str(entry.content), "other"),
    }
    assert Path(str(entry.exports["CM_PATH"])).is_file()


def test_paths_are_valid_in_a_cache_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    cache = Cache(tmp_path / "link" / "cache")
    cache.prepare()

    entry = publish(cache, {"CM_PATH": lambda content: str(content.resolve() / "file.txt")})

    assert Path(str(entry.exports["CM_PATH"])).is_file()


def test_a_moved_cache_keeps_its_entries_and_their_paths(cache: Cache, tmp_path: Path) -> None:
    other = publish(cache, key="f" * 64)
    publish(cache, {"CM_OWN": lambda content: str(content / "file.txt"), "CM_OTHER": str(other.content / "file.txt")})
    shutil.move(cache.root, tmp_path / "elsewhere")

    found = Cache(tmp_path / "elsewhere").find(KEY)

    assert found is not None
    for path in found.exports.values():
        assert Path(str(path)).is_file()
        assert Path(str(path)).is_relative_to(tmp_path / "elsewhere")


def test_text_that_looks_like_a_placeholder_is_unchanged(cache: Cache) -> None:
    exports = {"CM_TEXT": "{entry} and {cache}, {{entry}} and \\{cache}"}

    assert publish(cache, exports).exports == exports


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"key": "other", "layout": "v1", "exports": {}}', None,
     f'{{"key": "{KEY}", "layout": "v0", "exports": {{}}}}', f'{{"key": "{KEY}", "layout": "{LAYOUT}", "exports": []}}',
     f'{{"key": "{KEY}", "layout": "{LAYOUT}", "exports": {{"K": {{}}}}}}'],
)  # fmt: skip
def test_an_unreadable_entry_is_absent_and_made_again(cache: Cache, text: str | None) -> None:
    entry = publish(cache)
    if text is None:
        (entry.path / "entry.json").unlink()
    else:
        (entry.path / "entry.json").write_text(text, encoding="utf-8")

    assert cache.find(KEY) is None
    assert publish(cache, text="again").content.joinpath("file.txt").read_text(encoding="utf-8") == "again"
    assert cache.find(KEY) is not None


def test_an_entry_without_its_content_is_absent(cache: Cache) -> None:
    shutil.rmtree(publish(cache).content)

    assert cache.find(KEY) is None


def test_downloads_outlive_a_failure_but_not_the_entry(cache: Cache) -> None:
    with pytest.raises(RuntimeError):
        fail_halfway(cache, RuntimeError)

    assert (cache.partial(KEY) / "file.part").is_file()
    publish(cache)
    assert list(files_below(cache.root / "partial")) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(
        CacheError, match=r"/file/cache: the cache cannot be written \(Not a directory\); set CM_REPOS or"
    ):
        Cache(tmp_path / "file" / "cache").prepare()


def test_an_entry_is_stored_with_its_title(cache: Cache) -> None:
    entry = publish(cache)

    assert json.loads((entry.path / "entry.json").read_text(encoding="utf-8"))["title"] == "x,_v"


@pytest.mark.parametrize(
    "changed", [{"a": 2}, {"a": "1"}, {"a": True}, {"b": 1}, {"a": 1, "b": None}, {"a": [1]}, {}], ids=str
)
def test_any_change_of_the_parts_changes_the_key(changed: dict[str, Any]) -> None:
    assert content_key(changed) != content_key({"a": 1})


def test_the_order_of_the_parts_does_not_matter() -> None:
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
