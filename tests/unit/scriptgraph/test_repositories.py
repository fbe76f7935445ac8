"""Scripts come from our repository and from those that the user has registered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scriptgraph.repositories import find_repositories

if TYPE_CHECKING:
    from pathlib import Path


def repository(folder: Path, uid: str, prefix: str = "", engine: str = "") -> Path:
    root = folder / prefix
    (root / "script").mkdir(parents=True)
    (folder / "cmr.yaml").write_text(f'alias: {folder.name}\nuid: "{uid}"  # a comment\nprefix: {prefix}\n')
    if engine:
        (root / "automation" / "script").mkdir(parents=True)
        (root / "automation" / "script" / "module.py").write_text(engine)
    return folder


def register(registered: Path, *folders: object) -> None:
    registered.mkdir(exist_ok=True)
    (registered / "repos.json").write_text(json.dumps(list(folders)))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return repository(tmp_path / "own", "aaaaaaaaaaaaaaaa")


def test_the_users_repositories_are_ours_too(tmp_path: Path, own: Path) -> None:
    theirs = repository(tmp_path / "theirs", "b" * 16, prefix="cm-mlops")
    repository(tmp_path / "cm" / "repos" / "short", "c" * 16)
    local = repository(tmp_path / "cm" / "repos" / "local", "d" * 16)
    register(tmp_path / "cm", str(theirs), "short")

    found = find_repositories(own, tmp_path / "cm")

    assert found.roots == (own, theirs / "cm-mlops", tmp_path / "cm" / "repos" / "short", local)
    assert found.rivals == ()


def test_another_copy_of_ours_does_not_count(tmp_path: Path, own: Path) -> None:
    copy = repository(tmp_path / "copy", "a" * 16, engine="from scriptgraph.cm_bridge import run_script")
    register(tmp_path / "cm", str(copy), str(own))

    assert find_repositories(own, tmp_path / "cm").roots == (own,)


def test_another_engine_is_named_and_its_scripts_left_to_it(tmp_path: Path, own: Path) -> None:
    other = repository(tmp_path / "other", "b" * 16, engine="class CAutomation: ...")
    register(tmp_path / "cm", str(other))

    found = find_repositories(own, tmp_path / "cm")

    assert found.roots == (own,)
    assert found.rivals == (f"other ({other})",)


@pytest.mark.parametrize("text", ["", "{", "{}", '[1, null, ""]', '["/nothing/there"]'])
def test_a_list_that_is_absent_or_broken_leaves_ours(tmp_path: Path, own: Path, text: str) -> None:
    (tmp_path / "cm").mkdir()
    (tmp_path / "cm" / "repos.json").write_text(text)

    assert find_repositories(own, tmp_path / "cm").roots == (own,)
    assert find_repositories(own, tmp_path / "absent").roots == (own,)
