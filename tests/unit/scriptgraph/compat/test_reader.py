"""Manifests of 2023 become ours, and what cannot is refused with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from foreign_scripts import ForeignFolders

from scriptgraph.compat.advice import advise
from scriptgraph.compat.reader import CollectionReader
from scriptgraph.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.manifest.types import Manifest


@pytest.fixture
def folders(tmp_path: Path) -> ForeignFolders:
    return ForeignFolders(tmp_path / "theirs")


def read(folders: ForeignFolders, code: str = "", **manifest: Any) -> Manifest:
    path = folders.add("some", code, **manifest) / "_cm.json"
    return CollectionReader("theirs").manifest(path.read_text(), path)


def test_descriptive_keys_have_no_effect(folders: ForeignFolders) -> None:
    made = read(folders, category="Tools", category_sort=1, developers="x", gui_title="y", clean_files=["a"])

    assert (made.alias, made.deps) == ("some", ())


def test_a_dependency_that_is_no_list_is_refused(folders: ForeignFolders) -> None:
    with pytest.raises(ManifestError, match=r"some/_cm\.json#/prehook_deps: must be a list, is an object"):
        read(folders, prehook_deps={"tags": "a"})


def test_a_fault_in_a_variation_has_its_place(folders: ForeignFolders) -> None:
    with pytest.raises(ManifestError, match=r"#/variations/v/deps/0: must be an object, is text"):
        read(folders, variations={"v": {"deps": ["a"]}})


def test_conditional_changes_of_dependencies_are_refused(folders: ForeignFolders) -> None:
    change = {"enable_if_env": {"CM_A": ["yes"]}, "adr": {"x": {"tags": "_y"}}}

    with pytest.raises(ManifestError, match="update_meta_if_env/0: changes adr by the environment"):
        read(folders, update_meta_if_env=[change])


def test_further_members_of_a_dependency_are_its_options(folders: ForeignFolders) -> None:
    made = read(folders, deps=[{"tags": "a", "revision": "main", "extra_cache_tags": "x", "quiet": True}])

    assert dict(made.deps[0].options) == {"revision": "main", "quiet": "True"}


def test_a_script_reads_the_keys_that_its_files_name(folders: ForeignFolders) -> None:
    made = read(folders, 'KEY = "CM_CODE"\nOTHER = "CM_MODEL_" + KEY\n', env={"CM_OWN": "x"})

    given = {key for key in ("CM_CODE", "CM_OWN", "CM_MODEL_A", "CM_FOREIGN", "CC", "+PATH") if key in made.reads}
    assert given == {"CM_CODE", "CM_OWN", "CM_MODEL_A", "CC", "+PATH"}


def test_code_that_goes_through_all_keys_gets_all(folders: ForeignFolders) -> None:
    made = read(folders, "def preprocess(i):\n    env = i['env']\n    for key in env:\n        print(key)\n")

    assert "CM_ANYTHING" in made.reads


def test_of_duplicate_keys_the_last_counts(folders: ForeignFolders) -> None:
    path = folders.add("some") / "_cm.json"
    text = path.read_text().replace('"tags"', '"env": {"CM_A": "1"}, "env": {"CM_A": "2"}, "tags"')

    assert dict(CollectionReader("theirs").manifest(text, path).env) == {"CM_A": "2"}


def test_advice_names_each_key_with_its_place(folders: ForeignFolders) -> None:
    folders.add(
        "some", "def preprocess(i):\n    return {}\n", run="echo CM_A=1 > tmp-run-env.out",
        prehook_deps=[{"tags": "a", "dynamic": True}], categroy="x",
    )  # fmt: skip

    text = "\n".join(map(str, advise(folders.root)))

    assert "_cm.json#/prehook_deps: a script's code runs after all of its deps" in text
    assert "_cm.json#/prehook_deps/0/dynamic: " in text
    assert "_cm.json#/categroy: no engine reads this key" in text
    assert "customize.py: write preprocess(context)" in text
    assert "run.sh: write KEY=value to the file $CM_EXPORTS_FILE" in text


def test_a_manifest_of_the_successor_is_read(folders: ForeignFolders) -> None:
    path = folders.add("newer", name="meta.yaml", new_env_keys=["MLC_A"]) / "meta.yaml"
    path.write_text("# a comment\n" + json.dumps(json.loads(path.read_text())))

    made = CollectionReader("theirs").manifest(path.read_text(), path)

    assert (made.exports, made.foreign and made.foreign.prefix) == (("MLC_A",), "MLC_")
