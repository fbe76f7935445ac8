"""A query selects exactly one script, or says why not and what is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_scripts import ScriptFolders, document, manifest, registry_of

from scriptgraph.errors import AmbiguousScriptError, ManifestError, NoScriptError
from scriptgraph.registry import Registry, load_registry
from scriptgraph.tags import parse_query

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
            "--tags=xyzzy,plugh: no script has the tag 'xyzzy', 'plugh'.",
        ),
        (
            "run,bert,small",
            (
                "--tags=run,bert,small: each tag is known, but no one script has them all."
                " Closest scripts: run-bert (run,bert,mlperf); get-model-small (get,model,small);"
                " get-model-small-old (get,model,small,old)."
            ),
        ),
        ("-run", "--tags=-run: names no tag that the script must have."),
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
    with pytest.raises(ManifestError, match=r"/_cm\.json#/alias: 'x' is taken by .*x; rename one"):
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


def test_a_manifest_that_is_not_text_is_named(tmp_path: Path) -> None:
    folder = ScriptFolders(tmp_path).add("a")
    (folder / "_cm.json").write_bytes(b"\xff\xfe")

    with pytest.raises(ManifestError, match=r"script/a/_cm\.json#: cannot be read: "):
        load_registry([tmp_path])
