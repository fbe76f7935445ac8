"""A query selects exactly one script, or fails with the reason and the closest scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_scripts import ScriptFolders, document, manifest, registry_of

from scriptgraph.catalog.registry import Registry, load_registry
from scriptgraph.errors import AmbiguousScriptError, ManifestError, NoScriptError
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {
    "get-model": {"tags": ["get", "model"]},
    "get-model-small": {"tags": ["get", "model", "small"]},
    "get-model-small-old": {"tags": ["get", "model", "small", "old"]},
    "run-bert": {"tags": ["run", "bert", "mlperf"]},
    "run-resnet": {"tags": ["run", "resnet", "mlperf"]},
}


@pytest.mark.parametrize(
    ("words", "alias"),
    [
        ("run,bert", "run-bert"),
        ("bert mlperf run", "run-bert"),
        ("run,mlperf,-bert", "run-resnet"),
        ("small,-old", "get-model-small"),
        ("get,model", "get-model"),
        ("model,get,small", "get-model-small"),
        ("run-resnet", "run-resnet"),
        (document("run-bert")["uid"], "run-bert"),
        ("bert,_any,-_variation", "run-bert"),
    ],
)
def test_selection(words: str, alias: str) -> None:
    assert registry_of(SCRIPTS).select(parse_query(words)).alias == alias


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "run,brt",
            (
                "--tags=run,brt: no script has the tag 'brt'. Did you mean bert?"
                " Closest scripts: run-bert (run,bert,mlperf); run-resnet (run,resnet,mlperf)."
            ),
        ),
        (
            "xyzzy,plugh",
            "--tags=xyzzy,plugh: no script has the tags 'xyzzy', 'plugh'.",
        ),
        (
            "run,bert,small",
            (
                "--tags=run,bert,small: no script has all of these tags."
                " Closest scripts: run-bert (run,bert,mlperf); get-model-small (get,model,small);"
                " get-model-small-old (get,model,small,old)."
            ),
        ),
        ("-run", "--tags=-run: has no tag that selects a script; add one."),
    ],
)
def test_a_query_that_fits_nothing(words: str, text: str) -> None:
    with pytest.raises(NoScriptError) as caught:
        registry_of(SCRIPTS).select(parse_query(words))

    assert str(caught.value) == text


def test_a_query_that_fits_several() -> None:
    with pytest.raises(AmbiguousScriptError) as caught:
        registry_of(SCRIPTS).select(parse_query("mlperf,_v"))

    assert str(caught.value) == (
        "--tags=mlperf,_v: fits 2 scripts (run-bert, run-resnet); add a tag that only one of them has"
    )
    assert caught.value.matches == ["run-bert", "run-resnet"]


def test_an_empty_registry_knows_nothing() -> None:
    with pytest.raises(NoScriptError, match="no script has the tag 'a'"):
        Registry([]).select(parse_query("a"))


def test_two_scripts_of_one_alias_are_refused() -> None:
    with pytest.raises(ManifestError, match=r"/_cm\.json#/alias: 'x' is already used by .*x; rename one"):
        Registry([manifest("x"), manifest("x", name="again")])


def test_the_folders_of_all_repositories_are_read_once(tmp_path: Path) -> None:
    one, two = ScriptFolders(tmp_path / "one"), ScriptFolders(tmp_path / "two")
    one.add("a")
    two.add("b")
    (two.root / "script" / "no-manifest").mkdir()
    (two.root / "script" / "c" / "deeper").mkdir(parents=True)
    (two.root / "script" / "c" / "deeper" / "_cm.json").write_text("not read", encoding="utf-8")

    registry = load_registry([one.root, two.root, tmp_path / "two" / ".." / "one", tmp_path / "absent"])

    assert [each.alias for each in registry] == ["a", "b"]
    assert len(registry) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\xff\xfe", r"#: cannot be read: "),
        (b"{", r"#: is not JSON \("),
        (b"[]", r"#: must be an object, is a list"),
        (b"{}", r"#: needs alias"),
        (b'{"alias": 1, "uid": "u", "tags": []}', "#/alias: must be text, is a number"),
    ],
)
class TestABrokenManifest:
    @pytest.fixture
    def registry(self, tmp_path: Path, text: bytes) -> Registry:
        scripts = ScriptFolders(tmp_path)
        (scripts.add("a") / "_cm.json").write_bytes(text)
        scripts.add("b", tags=["get", "b"])
        return load_registry([tmp_path])

    def test_stops_no_script_that_does_not_need_it(self, registry: Registry, problem: str) -> None:
        assert registry.select(parse_query("get")).alias == "b"
        assert [each.alias for each in registry] == ["b"]
        assert [each.alias for each in registry.candidates([])] == ["b"]

    def test_is_an_error_if_requested_by_its_folders_name(self, registry: Registry, problem: str) -> None:
        with pytest.raises(ManifestError, match=rf"script/a/_cm\.json{problem}"):
            registry.select(parse_query("a"))

    def test_is_named_if_no_script_matches(self, registry: Registry, problem: str) -> None:
        with pytest.raises(NoScriptError, match=rf" Skipped, with broken manifests: .*script/a/_cm\.json{problem}"):
            registry.select(parse_query("set"))

    def test_is_among_the_problems(self, registry: Registry, problem: str) -> None:
        (found,) = registry.problems()

        assert str(found.path).endswith("script/a/_cm.json")


def test_a_readable_head_defers_an_error_until_selection(tmp_path: Path) -> None:
    scripts = ScriptFolders(tmp_path)
    scripts.add("a", tags=["get", "a"], zzz=1)
    scripts.add("b", tags=["get", "b"])
    registry = load_registry([tmp_path])

    assert registry.select(parse_query("b")).alias == "b"
    with pytest.raises(ManifestError, match=r"script/a/_cm\.json#/zzz: unknown key"):
        registry.select(parse_query("get,a"))
    with pytest.raises(NoScriptError) as caught:
        registry.select(parse_query("xyzzy"))
    assert "broken" not in str(caught.value)


def test_a_broken_manifest_loses_to_a_script_with_its_tag(tmp_path: Path) -> None:
    one, two = ScriptFolders(tmp_path / "one"), ScriptFolders(tmp_path / "two")
    (one.add("a") / "_cm.json").write_text("{", encoding="utf-8")
    two.add("a")

    assert load_registry([one.root, two.root]).select(parse_query("a")).folder == two.root / "script" / "a"


def test_three_of_many_broken_manifests_are_listed(tmp_path: Path) -> None:
    for alias in "abcde":
        (ScriptFolders(tmp_path).add(alias) / "_cm.json").write_text("{", encoding="utf-8")

    with pytest.raises(NoScriptError, match=r"script/a/.*; .*script/b/.*; .*script/c/[^;]*, and 2 more\.$"):
        load_registry([tmp_path]).select(parse_query("x"))
