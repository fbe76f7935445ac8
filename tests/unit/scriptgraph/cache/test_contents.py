"""The cache's entries, their dependants, and their removal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.cache import contents
from scriptgraph.cache.contents import (
    HALF_MADE,
    OTHER_LAYOUT,
    UNFINISHED,
    all_dependants,
    choose,
    direct_dependants,
    read_entries,
    read_leftovers,
    remove_entries,
    remove_leftovers,
)
from scriptgraph.cache.inventory import remove_tree
from scriptgraph.cache.store import LAYOUT
from scriptgraph.errors import CacheError
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_scripts import Bench

    from scriptgraph.cache.contents import StoredEntry

MAKING = """
    def preprocess(context: Context) -> Done:
        (context.output / "made.bin").write_bytes(b"x" * 5000)
        return Done()
    """


@pytest.fixture
def chain(bench: Bench) -> Bench:
    """Entries of a chain `top` > `middle` > (`between`, which is not cached) > `low`, and of `other` alone."""
    bench.scripts.add("low", MAKING, cache=True, tags=["low", "get"], variations={"v": {}, "size.#": {}})
    bench.scripts.add("between", deps=[{"tags": "low"}])
    bench.scripts.add("middle", MAKING, cache=True, tags=["middle", "get"], deps=[{"tags": "between"}])
    bench.scripts.add("top", MAKING, cache=True, tags=["top"], deps=[{"tags": "middle"}])
    bench.scripts.add("other", MAKING, cache=True, tags=["other", "get"])
    bench.run("top")
    bench.run("other")
    return bench


def titles(entries: list[StoredEntry]) -> list[str]:
    return [each.title for each in entries]


def chosen(bench: Bench, words: str) -> list[str]:
    return titles(choose(read_entries(bench.cache), parse_query(words)))


def entry(bench: Bench, title: str) -> StoredEntry:
    (found,) = [each for each in read_entries(bench.cache) if each.title == title]
    return found


def test_an_empty_store_holds_nothing(bench: Bench) -> None:
    assert read_entries(bench.cache) == []
    assert read_leftovers(bench.cache) == []


def test_an_entry_is_read_with_its_description(chain: Bench) -> None:
    chain.run("low,_size.3")
    found = entry(chain, "low,_size.3")

    assert found.tags == {"low", "get"}
    assert found.variations == {"size.3"}
    assert found.path == chain.cache.path(found.key)
    assert 5000 <= found.size_bytes < 200_000
    assert found.made_ns is not None
    assert found.used_ns is not None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ["low", "low,_v", "middle", "other", "top"]),
        ("get", ["low", "low,_v", "middle", "other"]),
        ("get,-other", ["low", "low,_v", "middle"]),
        ("low,_v", ["low,_v"]),
        ("_v", ["low,_v"]),
        ("low,-_v", ["low"]),
        ("low,other", []),
        ("absent", []),
    ],
)
def test_entries_are_chosen_by_tags_and_variations(chain: Bench, words: str, expected: list[str]) -> None:
    chain.run("low,_v")

    assert chosen(chain, words) == expected


def test_an_entry_is_chosen_by_the_start_of_its_key(chain: Bench) -> None:
    key = entry(chain, "low").key

    assert chosen(chain, key) == chosen(chain, key[:12]) == ["low"]


def test_a_key_that_fits_none_or_several_is_an_error(chain: Bench) -> None:
    entries = read_entries(chain.cache)
    with pytest.raises(CacheError, match=r"^abcdef012345: no key starts like this; list the keys with cm find cache$"):
        choose(entries, parse_query("abcdef012345"))
    twins = [each for each in entries for _ in range(2)]
    with pytest.raises(CacheError, match=r": is the start of 2 keys \(.*\); add more digits$"):
        choose(twins, parse_query(entries[0].key[:12]))


def test_dependants_are_found_through_uncached_steps(chain: Bench) -> None:
    entries = read_entries(chain.cache)
    above = direct_dependants(entries)

    assert titles(list(above[entry(chain, "low").key])) == ["middle"]
    assert titles(all_dependants([entry(chain, "low")], entries)) == ["middle", "top"]
    assert titles(all_dependants([entry(chain, "low"), entry(chain, "middle")], entries)) == ["top"]
    assert all_dependants([entry(chain, "top"), entry(chain, "other")], entries) == []


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"parts": 1}', "[" * 100_000])
def test_an_unreadable_entry_is_listed_and_can_be_removed(chain: Bench, text: str | None) -> None:
    low = entry(chain, "low")
    if text is None:
        (low.path / "entry.json").unlink()
    else:
        (low.path / "entry.json").write_text(text, encoding="utf-8")
    found = entry(chain, f"? {low.key[:12]}")

    assert found.size_bytes >= 5000
    assert remove_entries(chain.cache, [found]) == []
    assert not low.path.exists()


def test_a_removed_entry_is_made_again(chain: Bench) -> None:
    low = entry(chain, "low")

    assert remove_entries(chain.cache, [low]) == []

    assert not low.path.exists()
    assert list(chain.cache.making_folder.iterdir()) == []
    # The entries made from it keep their keys.
    assert [step.status for step in chain.run("top").steps] == ["done", "done", "cached", "cached"]


def test_removing_an_absent_entry_is_no_error(chain: Bench) -> None:
    low = entry(chain, "low")
    remove_entries(chain.cache, [low])

    assert remove_entries(chain.cache, [low]) == []


def test_a_write_protected_entry_is_removed(chain: Bench) -> None:
    low = entry(chain, "low")
    (low.path / "content/deep").mkdir()
    (low.path / "content/deep/file").touch()
    (low.path / "content/deep").chmod(0o500)
    (low.path / "content").chmod(0o500)

    assert remove_entries(chain.cache, [low]) == []
    assert not low.path.exists()


def test_a_killed_removal_leaves_no_partial_entry(chain: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    low = entry(chain, "low")

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(contents, "remove_tree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_entries(chain.cache, [low])
    monkeypatch.setattr(contents, "remove_tree", remove_tree)

    assert not low.path.exists()
    (left,) = read_leftovers(chain.cache)
    assert (left.kind, left.key) == (HALF_MADE, low.key)
    assert left.size_bytes >= 5000
    assert remove_leftovers(chain.cache, [left]) == []
    assert read_leftovers(chain.cache) == []


def test_entries_that_a_run_uses_or_makes_stay(chain: Bench) -> None:
    low, other, top = (entry(chain, title) for title in ("low", "other", "top"))
    chain.cache.locks.hold(low.key)

    with chain.cache.locks.making(other.key):
        assert remove_entries(chain.cache, [low, other, top]) == [low, other]

    assert (low.path.exists(), other.path.exists(), top.path.exists()) == (True, True, False)
    chain.cache.locks.release()
    assert remove_entries(chain.cache, [low, other]) == []


def test_a_finished_run_releases_its_entries(chain: Bench) -> None:
    chain.run("top")

    assert remove_entries(chain.cache, read_entries(chain.cache)) == []


def test_a_failed_run_releases_its_entries(chain: Bench) -> None:
    chain.scripts.add(
        "failing", "def preprocess(context: Context) -> Done:\n    raise StepFailed('no')", deps=[{"tags": "top"}]
    )
    with pytest.raises(Exception, match="no"):
        chain.run("failing")

    assert remove_entries(chain.cache, read_entries(chain.cache)) == []


def test_within_a_run_the_entry_in_use_stays(bench: Bench) -> None:
    removing = f"""
        from pathlib import Path
        from scriptgraph.cache.store import Cache
        from scriptgraph.cache.contents import read_entries
        from scriptgraph.cache.contents import remove_entries

        def preprocess(context: Context) -> Done:
            cache = Cache(Path({str(bench.cache.root)!r}))
            assert len(remove_entries(cache, read_entries(cache))) == 1
            return Done()
        """
    bench.scripts.add("low", MAKING, cache=True)
    bench.scripts.add("removing", removing, deps=[{"tags": "low"}])
    for status in ("done", "cached"):
        assert bench.run("removing").steps[0].status == status


def test_downloads_and_entries_of_other_versions_are_listed(chain: Bench) -> None:
    (chain.cache.partial("d" * 64) / "file.part").write_bytes(b"x" * 9000)
    (chain.cache.root / "v1/ab").mkdir(parents=True)
    (chain.cache.root / "views").mkdir()

    found = {each.kind: each for each in read_leftovers(chain.cache)}

    assert found.keys() == {UNFINISHED, OTHER_LAYOUT}
    assert found[UNFINISHED].key == "d" * 64
    assert found[UNFINISHED].size_bytes >= 9000
    assert found[OTHER_LAYOUT].path == chain.cache.root / "v1"
    assert remove_leftovers(chain.cache, found.values()) == []
    assert [each.kind for each in read_leftovers(chain.cache)] == [OTHER_LAYOUT]
    assert (chain.cache.root / LAYOUT).is_dir()


def test_a_download_in_progress_stays(bench: Bench) -> None:
    key = "d" * 64
    bench.cache.partial(key)
    (left,) = read_leftovers(bench.cache)

    with bench.cache.locks.making(key):
        assert remove_leftovers(bench.cache, [left]) == [left]
    assert left.path.is_dir()


def test_listing_an_entry_does_not_count_as_a_use(chain: Bench) -> None:
    before = entry(chain, "low").used_ns
    choose(read_entries(chain.cache), parse_query("low"))

    assert entry(chain, "low").used_ns == before


def test_an_entry_has_all_parts_of_its_identity(chain: Bench) -> None:
    low = entry(chain, "low")
    meta: dict[str, Any] = json.loads((low.path / "entry.json").read_text(encoding="utf-8"))

    assert low.parts == meta["parts"]
    assert low.parts["alias"] == "low"


def test_a_path_into_another_entry_makes_a_dependant(bench: Bench) -> None:
    fields: dict[str, Any] = {"env_keys": ["CM_MADE"], "new_env_keys": ["CM_MADE"]}
    making = MAKING.replace("Done()", 'Done({"CM_MADE": context.output / "made.bin"})')
    bench.scripts.add("low", making, cache=True, **fields)
    bench.scripts.add("beside", MAKING.replace("Done()", "Done({})"), cache=True, env_keys=["CM_MADE"])
    bench.scripts.add("both", deps=[{"tags": "low"}, {"tags": "beside"}])
    bench.run("both")

    assert titles(all_dependants([entry(bench, "low")], read_entries(bench.cache))) == ["beside"]
