"""A query selects exactly one script, or fails with the reason and the closest scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from tiny_scripts import ScriptFolders, document, registry_of, request_of

from scriptgraph.catalog.registry import Registry, load_registry
from scriptgraph.errors import AmbiguousScriptError, ManifestError, NoScriptError
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.resolver import resolve

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
    assert [alias for alias, _, _ in caught.value.matches] == ["run-bert", "run-resnet"]


def test_an_empty_registry_knows_nothing() -> None:
    with pytest.raises(NoScriptError, match="no script has the tag 'a'"):
        Registry([]).select(parse_query("a"))


class TestTwoRepositories:
    """The shipped scripts, and a user's copy of one of them."""

    SHARED: ClassVar[dict[str, Any]] = {"tags": ["detect", "cpu"]}

    @pytest.fixture
    def shipped(self, tmp_path: Path) -> ScriptFolders:
        scripts = ScriptFolders(tmp_path / "shipped")
        scripts.add("detect-cpu", **self.SHARED)
        scripts.add("run", deps=[{"tags": "detect,cpu"}])
        return scripts

    @pytest.fixture
    def mine(self, tmp_path: Path) -> ScriptFolders:
        return ScriptFolders(tmp_path / "mine")

    def plan(self, tags: str, *repositories: ScriptFolders, **fields: Any) -> list[Path]:
        """Return the folders of a plan's steps."""
        registry = load_registry([each.root for each in repositories])
        return [step.manifest.folder for step in resolve(request_of(tags, **fields), registry).steps()]

    @pytest.mark.parametrize("tags", [["detect", "cpu"], ["detect", "cpu", "better"]])
    @pytest.mark.parametrize("alias", ["detect-cpu", "my-detect"])
    def test_a_dependency_prefers_its_own_repository(
        self, shipped: ScriptFolders, mine: ScriptFolders, alias: str, tags: list[str]
    ) -> None:
        ours, copy = shipped.root / "script", mine.add(alias, tags=tags)
        mine.add("own", deps=[{"tags": "detect,cpu"}])

        assert self.plan("run", shipped, mine) == self.plan("run", mine, shipped)
        assert self.plan("run", shipped, mine) == [ours / "detect-cpu", ours / "run"]
        assert self.plan("own", shipped, mine)[0] == copy

    def test_adr_still_reaches_the_other_repository(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        shipped.add("run", deps=[{"tags": "detect,cpu", "names": ["cpu"]}])
        copy = mine.add("my-detect", **self.SHARED)

        assert self.plan("run", shipped, mine, adr={"cpu": {"tags": "my-detect"}})[0] == copy

    def test_a_users_request_for_both_names_both(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        copy = mine.add("my-detect", **self.SHARED)

        with pytest.raises(AmbiguousScriptError) as caught:
            self.plan("detect,cpu", shipped, mine)

        assert str(caught.value) == (
            f"--tags=detect,cpu: fits 2 scripts (detect-cpu in {shipped.root}/script/detect-cpu, my-detect in {copy});"
            " write the alias of one: --tags=detect-cpu"
        )
        assert self.plan("my-detect", shipped, mine) == [copy]

    def test_a_shared_alias_stops_only_requests_for_it(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        copy = mine.add("detect-cpu", tags=["other"], uid="00000000000000aa")

        with pytest.raises(AmbiguousScriptError, match=r"; write the uid of one: --tags=00000000000000aa,_v$"):
            self.plan("detect-cpu,_v", shipped, mine)
        assert self.plan("other", shipped, mine) == [copy]
        assert self.plan("00000000000000aa", shipped, mine) == [copy]
        assert self.plan("detect,cpu", shipped, mine) == [shipped.root / "script/detect-cpu"]

    def test_a_copy_of_alias_and_uid_has_to_be_renamed(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        mine.add("detect-cpu", **self.SHARED)

        with pytest.raises(AmbiguousScriptError, match=r"; give one of them an alias and a uid of its own$"):
            self.plan("detect,cpu", shipped, mine)

    def test_a_shared_uid_stops_only_requests_for_it(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        uid = document("run")["uid"]
        copy = mine.add("other", uid=uid)

        with pytest.raises(AmbiguousScriptError, match=r"write the alias of one: --tags=other$"):
            self.plan(uid, shipped, mine)
        assert self.plan("other", shipped, mine) == [copy]

    def test_a_script_may_need_one_of_its_own_alias(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        mine.add("detect-cpu", tags=["wrapper"], deps=[{"tags": "detect,cpu"}])

        assert self.plan("wrapper", shipped, mine) == [root / "script/detect-cpu" for root in (shipped.root, mine.root)]

    def test_broken_manifests_stop_no_other_request(self, shipped: ScriptFolders, mine: ScriptFolders) -> None:
        folder = mine.add("detect-cpu")
        (folder / "_cm.json").write_bytes(b"\xff")
        registry = load_registry([shipped.root, mine.root])

        assert registry.select(parse_query("detect-cpu")).folder == shipped.root / "script/detect-cpu"
        assert [str(each.path) for each in registry.unreadable()] == [str(folder / "_cm.json")]


def test_an_alias_wins_over_an_equal_tag() -> None:
    registry = registry_of({"a": {"tags": ["b"]}, "b": {"tags": ["c", "d"]}})

    assert registry.select(parse_query("b")).alias == "b"


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
