"""The index always equals the manifests, reads only changed ones, and never stops a command."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_scripts import ScriptFolders, document

from scriptgraph.catalog import index as script_index
from scriptgraph.catalog.registry import Registry, load_registry
from scriptgraph.errors import AmbiguousScriptError, ScriptGraphError
from scriptgraph.files import stamps
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def index(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "index"


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptFolders:
    folders = ScriptFolders(tmp_path / "repo")
    for alias in ("a", "b", "c"):
        folders.add(alias, tags=["get", alias, f"only-{alias}"])
    return folders


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock ahead, so that all files appear old."""
    now_ns = time.time_ns
    monkeypatch.setattr(stamps.time, "time_ns", lambda: now_ns() + 3_600_000_000_000)


def tick(folder: Path) -> None:
    """Wait until the file system's clock advances, so that later changes get another time."""
    probe = folder / "probe"
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


@pytest.fixture
def heads_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the scripts whose heads are read."""
    read: list[str] = []
    really = script_index.read_head

    def reading(path: Path) -> object:
        read.append(path.parent.name)
        return really(path)

    monkeypatch.setattr(script_index, "read_head", reading)
    return read


def aliases(registry: Registry, *tags: str) -> list[str]:
    return [each.alias for each in registry.candidates(tags)]


def rewrite(scripts: ScriptFolders, alias: str, **fields: object) -> None:
    """Write a manifest in place, without changing its folder."""
    path = scripts.root / "script" / alias / "_cm.json"
    path.write_text(json.dumps(document(alias, **fields)), encoding="utf-8")


def same_length(scripts: ScriptFolders) -> None:
    rewrite(scripts, "b", tags=["set", "b", "only-b"])


def longer(scripts: ScriptFolders) -> None:
    rewrite(scripts, "b", tags=["get", "b", "only-b", "and-more"])


def new_script(scripts: ScriptFolders) -> None:
    scripts.add("d", tags=["get", "d"])


def manifest_in_a_folder_that_had_none(scripts: ScriptFolders) -> None:
    scripts.add("bare", tags=["get", "bare"])


def removed(scripts: ScriptFolders) -> None:
    shutil.rmtree(scripts.root / "script" / "b")


def manifest_removed(scripts: ScriptFolders) -> None:
    (scripts.root / "script" / "b" / "_cm.json").unlink()


def renamed(scripts: ScriptFolders) -> None:
    (scripts.root / "script" / "b").rename(scripts.root / "script" / "z")


def broken(scripts: ScriptFolders) -> None:
    (scripts.root / "script" / "b" / "_cm.json").write_text("{", encoding="utf-8")


def all_gone(scripts: ScriptFolders) -> None:
    shutil.rmtree(scripts.root / "script")


CHANGES = [
    longer,
    new_script,
    manifest_in_a_folder_that_had_none,
    removed,
    manifest_removed,
    renamed,
    broken,
    all_gone,
]


def everything(registry: Registry) -> list[tuple[str, str, str]]:
    told = [(each.alias, str(each.folder), each.digest) for each in registry]
    return [*told, *(("problem", str(problem), "") for problem in registry.problems())]


class TestAChange:
    @pytest.fixture(autouse=True)
    def _bare(self, scripts: ScriptFolders) -> None:
        (scripts.root / "script" / "bare").mkdir()
        (scripts.root / "script" / "README.md").write_text("no script", encoding="utf-8")

    @pytest.mark.usefixtures("later")
    @pytest.mark.parametrize("change", CHANGES)
    def test_of_old_files_is_seen(
        self, scripts: ScriptFolders, index: Path, change: Callable[[ScriptFolders], None]
    ) -> None:
        before = everything(load_registry([scripts.root], index))
        tick(index.parent)
        change(scripts)

        after = load_registry([scripts.root], index)

        assert everything(after) != before
        assert everything(after) == everything(load_registry([scripts.root]))
        assert aliases(after, "get") == aliases(load_registry([scripts.root]), "get")

    @pytest.mark.parametrize("change", [same_length, *CHANGES])
    def test_right_after_writing_is_seen(
        self, scripts: ScriptFolders, index: Path, change: Callable[[ScriptFolders], None]
    ) -> None:
        load_registry([scripts.root], index)
        change(scripts)

        after = load_registry([scripts.root], index)

        assert everything(after) == everything(load_registry([scripts.root]))
        assert aliases(after, "get") == aliases(load_registry([scripts.root]), "get")


@pytest.mark.usefixtures("later")
class TestWhatHasNotChanged:
    def test_is_not_read_again(self, scripts: ScriptFolders, index: Path, heads_read: list[str]) -> None:
        load_registry([scripts.root], index)
        again = load_registry([scripts.root], index)

        assert heads_read == ["a", "b", "c"]
        assert again.select(parse_query("only-b")).tags == ("get", "b", "only-b")

    def test_is_not_read_again_beside_a_changed_one(
        self, scripts: ScriptFolders, index: Path, heads_read: list[str]
    ) -> None:
        load_registry([scripts.root], index)
        tick(index.parent)
        longer(scripts)
        new_script(scripts)
        heads_read.clear()

        load_registry([scripts.root], index)

        assert heads_read == ["b", "d"]

    def test_leaves_the_file_as_it_is(self, scripts: ScriptFolders, index: Path) -> None:
        load_registry([scripts.root], index)
        (file,) = (path for path in index.rglob("*") if path.is_file())
        before = file.stat()

        load_registry([scripts.root], index)

        assert file.stat() == before


def test_a_manifest_is_decoded_when_it_is_selected(scripts: ScriptFolders, index: Path) -> None:
    registry = load_registry([scripts.root], index)
    longer(scripts)

    assert registry.select(parse_query("only-b")).tags[-1] == "and-more"


def damaged_files(text: bytes) -> list[bytes]:
    half, end = len(text) // 2, text.index(b"\n")
    head, body = json.loads(text[:end]), text[end:]
    odd = [
        {**head, **change} for change in ({"folders": 5}, {"folders": [["x", "?"]]}, {"sizes": ["1"]}, {"sizes": [2]})
    ]
    bytes_changed = [text[:half], text + b"x", text[:half] + b"?" + text[half + 1 :]]
    heads_changed = [json.dumps(each).encode() + body for each in odd]
    nested = b"[" * 100_000 + body
    return [b"", b"\n", b"null\n", b'{"crc": 0}\n', *bytes_changed, *heads_changed, nested]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("number", range(12))
def test_a_damaged_index_is_rebuilt(scripts: ScriptFolders, index: Path, number: int) -> None:
    expected = everything(load_registry([scripts.root], index))
    (file,) = (path for path in index.rglob("*") if path.is_file())
    whole = file.read_bytes()
    file.write_bytes(damaged_files(whole)[number])

    assert everything(load_registry([scripts.root], index)) == expected
    assert file.read_bytes() == whole


def test_manifests_are_read_if_no_index_can_be_written(scripts: ScriptFolders, index: Path) -> None:
    index.write_text("in the way", encoding="utf-8")

    assert aliases(load_registry([scripts.root], index), "get") == ["a", "b", "c"]
    assert index.read_text(encoding="utf-8") == "in the way"


def test_each_set_of_repositories_has_a_file_up_to_a_limit(tmp_path: Path, index: Path) -> None:
    for number in range(20):
        scripts = ScriptFolders(tmp_path / str(number))
        scripts.add(f"only-{number}")
        assert len(load_registry([scripts.root], index)) == 1

    assert len([path for path in index.rglob("*") if path.is_file()]) == 16
    assert aliases(load_registry([tmp_path / "0", tmp_path / "19"], index)) == ["only-0", "only-19"]


def test_a_duplicate_alias_stops_only_its_requests(scripts: ScriptFolders, index: Path) -> None:
    (scripts.root / "script" / "c" / "_cm.json").write_text(json.dumps(document("a")), encoding="utf-8")

    for _ in range(2):
        registry = load_registry([scripts.root], index)
        assert registry.select(parse_query("b")).alias == "b"
        with pytest.raises(
            AmbiguousScriptError, match=r"a in .*script/a, a in .*script/c\); give one of them an alias"
        ):
            registry.select(parse_query("a"))


@pytest.mark.usefixtures("later")
def test_a_repository_that_appears_later_is_seen(tmp_path: Path, index: Path) -> None:
    assert len(load_registry([tmp_path / "repo"], index)) == 0
    ScriptFolders(tmp_path / "repo").add("a")

    assert aliases(load_registry([tmp_path / "repo"], index)) == ["a"]


def test_impossible_query_words_do_no_harm(tmp_path: Path, index: Path) -> None:
    ScriptFolders(tmp_path).add("a", tags=["a", "", "with space", "with\ttab", "with\nline", "x,y", "\ud800", "é"])

    for _ in range(2):
        registry = load_registry([tmp_path], index)
        assert registry.select(parse_query("é")).tags[2] == "with space"
        assert aliases(registry, "with") == []


@pytest.mark.usefixtures("later")
def test_comparing_many_scripts_keeps_the_working_folder(
    scripts: ScriptFolders, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_index, "_MANY", 1)
    monkeypatch.chdir(index.parent.parent)
    load_registry([scripts.root], index)
    tick(index.parent)
    longer(scripts)

    for _ in range(2):
        assert aliases(load_registry([scripts.root], index), "and-more") == ["b"]
        assert Path.cwd() == index.parent.parent


def test_searching_for_a_script_creates_no_home(scripts: ScriptFolders, tmp_path: Path) -> None:
    assert aliases(load_registry([scripts.root], tmp_path / "new" / "index"), "get") == ["a", "b", "c"]
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("later")
class TestOfManyScripts:
    """Manifests are compared when selected; without a single match all are compared."""

    @pytest.fixture(autouse=True)
    def _many(self, scripts: ScriptFolders, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(script_index, "_MANY", 1)
        load_registry([scripts.root], index)
        tick(index.parent)

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("query", ["get,b", "only-b", "and-more", "get,a", "z"])
    def test_a_query_matches_as_in_the_manifests(
        self, scripts: ScriptFolders, index: Path, change: Callable[[ScriptFolders], None], query: str
    ) -> None:
        change(scripts)

        assert told(load_registry([scripts.root], index), query) == told(load_registry([scripts.root]), query)

    def test_an_edited_manifest_is_read_again_when_selected(self, scripts: ScriptFolders, index: Path) -> None:
        scripts.add("b", tags=["get", "b", "new-tag"])

        assert "new-tag" in load_registry([scripts.root], index).select(parse_query("get,b")).tags
        assert "no script has the tag 'only-b'" in told(load_registry([scripts.root], index), "only-b")

    def test_a_second_manifest_beside_the_selected_one_is_seen(self, scripts: ScriptFolders, index: Path) -> None:
        (scripts.root / "script" / "b" / "_cm.yaml").write_text("alias: b", encoding="utf-8")

        assert "conflicts with _cm.yaml beside it" in told(load_registry([scripts.root], index), "only-b")

    def test_the_others_are_not_compared(
        self, scripts: ScriptFolders, index: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(script_index.FolderState, "_stamps_now", lambda *_: pytest.fail("all were looked at"))

        assert load_registry([scripts.root], index).select(parse_query("only-b")).alias == "b"


def told(registry: Registry, query: str) -> str:
    try:
        return str(registry.select(parse_query(query)).digest)
    except ScriptGraphError as error:
        return str(error)
