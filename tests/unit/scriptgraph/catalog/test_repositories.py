"""Scripts come from our own repository and from those that the user has registered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scriptgraph.catalog.repositories import find_repositories

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


def test_another_copy_of_our_own_is_ignored(tmp_path: Path, own: Path) -> None:
    copy = repository(tmp_path / "copy", "a" * 16, engine="from scriptgraph.cli.bridge import run_script")
    register(tmp_path / "cm", str(copy), str(own))

    assert find_repositories(own, tmp_path / "cm").roots == (own,)


def test_a_rival_engine_is_named_and_its_scripts_skipped(tmp_path: Path, own: Path) -> None:
    other = repository(tmp_path / "other", "b" * 16, engine="class CAutomation: ...")
    register(tmp_path / "cm", str(other))

    found = find_repositories(own, tmp_path / "cm")

    assert found.roots == (own,)
    assert found.rivals == (f"other ({other})",)


@pytest.mark.parametrize("text", ["", "{", "{}", '[1, null, ""]', '["/nothing/there"]', "[" * 100_000])
def test_a_missing_or_broken_list_leaves_our_own(tmp_path: Path, own: Path, text: str) -> None:
    (tmp_path / "cm").mkdir()
    (tmp_path / "cm" / "repos.json").write_text(text)

    assert find_repositories(own, tmp_path / "cm").roots == (own,)
    assert find_repositories(own, tmp_path / "absent").roots == (own,)


def package(place: Path, name: str, uid: str, below: str = "") -> Path:
    folder = repository(place / name / below, uid)
    (place / name / "__init__.py").touch()
    return folder


def test_packages_named_cm_are_repositories_as_in_cmind(tmp_path: Path, own: Path) -> None:
    site = tmp_path / "site"
    first, below = package(site, "cm_theirs", "b" * 16), package(site, "cmlab", "c" * 16, below="repo")
    package(site, "other_theirs", "d" * 16)
    package(site, "cmind", "e" * 16)
    repository(site / "cm_no_package", "f" * 16)
    (site / "cm_plain.py").touch()

    found = find_repositories(own, tmp_path / "cm", [str(tmp_path / "absent"), str(site)])

    assert found.roots == (own, first, below)


def test_a_hidden_package_is_ignored(tmp_path: Path, own: Path) -> None:
    first = package(tmp_path / "venv", "cm_theirs", "b" * 16)
    package(tmp_path / "system", "cm_theirs", "c" * 16)

    found = find_repositories(own, tmp_path / "cm", [str(tmp_path / "venv"), str(tmp_path / "system")])

    assert found.roots == (own, first)


def test_a_package_is_classified_like_any_repository(tmp_path: Path, own: Path) -> None:
    site = tmp_path / "site"
    package(site, "cm_mlperf_home", "a" * 16)
    rival = package(site, "cm4other", "b" * 16)
    (rival / "automation" / "script").mkdir(parents=True)
    (rival / "automation" / "script" / "module.py").write_text("class CAutomation: ...")
    both = package(site, "cm_both", "c" * 16)
    register(tmp_path / "cm", str(both))

    found = find_repositories(own, tmp_path / "cm", [str(site)])

    assert found.roots == (own, both)
    assert found.rivals == (f"cm4other ({rival})",)


def test_packages_are_skipped_if_cmind_skips_them(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path / "site", "cm_theirs", "b" * 16)
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")

    assert find_repositories(own, tmp_path / "cm", [str(tmp_path / "site")]).roots == (own,)
