"""An archive is complete and reproducible, and holds no files of ours."""

from __future__ import annotations

import os
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from mlperf_home.submission.check.places import lock_submission
from mlperf_home.submission.delivery import TarballError, pack

if TYPE_CHECKING:
    from pathlib import Path


def write_tree(root: Path) -> Path:
    (root / "open" / "Example").mkdir(parents=True)
    (root / "open" / "Example" / "b.txt").write_text("b", "utf-8")
    (root / "open" / "Example" / "a.txt").write_text("a", "utf-8")
    return root


def test_an_archive_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    first, second = write_tree(tmp_path / "1" / "tree"), write_tree(tmp_path / "2" / "tree")
    os.utime(second / "open" / "Example" / "a.txt", (1, 1))
    (second / "open" / "Example" / "b.txt").chmod(0o600)

    assert pack(first, tmp_path / "1.tar.gz") == pack(second, tmp_path / "2.tar.gz") == 2
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()


def test_names_begin_with_the_root_and_git_is_left_out(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret", "utf-8")

    pack(root, tmp_path / "tree.tar.gz")

    with tarfile.open(tmp_path / "tree.tar.gz") as archive:
        assert archive.getnames() == [
            "tree/open",
            "tree/open/Example",
            "tree/open/Example/a.txt",
            "tree/open/Example/b.txt",
        ]


def test_an_archive_inside_the_tree_is_rejected(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree")

    with pytest.raises(TarballError, match="is inside"):
        pack(root, root / "tree.tar.gz")
    with pytest.raises(TarballError, match="is not a folder"):
        pack(tmp_path / "nothing", tmp_path / "x.tar.gz")


def test_a_failed_pack_leaves_the_old_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, target = write_tree(tmp_path / "tree"), tmp_path / "tree.tar.gz"
    pack(root, target)
    before = target.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "add", full)
    with pytest.raises(TarballError, match=r"cannot be written \(No space left on device\); free some space"):
        pack(root, target)

    assert target.read_bytes() == before
    shutil.rmtree(root)
    assert list(tmp_path.iterdir()) == [target]


def test_leftovers_of_a_killed_pack_are_removed(tmp_path: Path) -> None:
    root, target = write_tree(tmp_path / "tree"), tmp_path / "tree.tar.gz"
    (tmp_path / ".tree.tar.gz.abc.partial").write_bytes(b"half")

    pack(root, target)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree", "tree.tar.gz"]


def test_a_locked_tree_is_not_packed(tmp_path: Path) -> None:
    root, target = write_tree(tmp_path / "tree"), tmp_path / "tree.tar.gz"

    with (
        lock_submission(root),
        pytest.raises(TarballError, match="another process is generating or packing a submission here"),
    ):
        pack(root, target)

    assert not target.exists()
