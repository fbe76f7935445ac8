"""The size on disk of the cache's folders, and their removal even if write-protected."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from scriptgraph.cache.inventory import disk_bytes, remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_with_two_hard_links_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"x" * 100_000)
    before = disk_bytes(tmp_path)

    (tmp_path / "a" / "two").hardlink_to(tmp_path / "a" / "one")

    assert before >= 100_000
    assert disk_bytes(tmp_path) == before


def test_a_file_removed_meanwhile_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").write_bytes(b"x" * 100_000)
    before = disk_bytes(tmp_path)
    real = os.lstat

    def lstat(path: Any) -> os.stat_result:
        if str(path).endswith("gone"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "lstat", lstat)

    assert disk_bytes(tmp_path) <= before - 100_000


def test_a_write_protected_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "entry"
    (top / "content" / "deep").mkdir(parents=True)
    (top / "content" / "deep" / "file").touch()
    (top / "link").symlink_to(tmp_path)
    real = shutil.rmtree

    def rmtree(folder: Path) -> None:
        """Delete like for a user who is not root, even if root runs the tests."""
        if any(not each.is_symlink() and not each.stat().st_mode & 0o200 for each in [folder, *folder.rglob("*")]):
            raise PermissionError(13, "Permission denied", str(folder))
        real(folder)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    for folder in (top / "content" / "deep", top / "content", top):
        folder.chmod(0o500)

    remove_tree(top)

    assert not top.exists()
    assert tmp_path.exists()
