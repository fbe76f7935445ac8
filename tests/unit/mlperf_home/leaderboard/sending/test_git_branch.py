"""A bundle becomes a branch of a repository, without the name that git knows."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.leaderboard.sending.destination import SendingError
from mlperf_home.leaderboard.sending.git_branch import SentBranch, push_bundle
from scriptgraph.embed import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = "ab" * 32


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return a bare repository with one commit."""
    bare, work = tmp_path / "board.git", tmp_path / "work"
    git("init", "--quiet", "--bare", "--initial-branch=main", bare)
    git("clone", "--quiet", bare, work)
    (work / "README.md").write_text("a board")
    git("-C", work, "add", ".")
    git("-C", work, "-c", "user.name=o", "-c", "user.email=o@example.org", "commit", "--quiet", "-m", "Begin")
    git("-C", work, "push", "--quiet", "origin", "HEAD:main")
    return bare


def git(*words: str | Path) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def commander(tmp_path: Path) -> Callable[..., Any]:
    def command(argv: list[Any], *, env: dict[str, str], check: bool = True) -> Any:
        own = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_AUTHOR_NAME": "Real Name", **env}
        completed = run(list(map(str, argv)), env=own, cwd=tmp_path, log=tmp_path / "log")
        return completed.require_success() if check else completed

    return command


def push(tmp_path: Path, remote: str, clone: str, author: str = "Ada") -> SentBranch:
    archive = tmp_path / "bundle.tar.gz"
    archive.write_bytes(b"a bundle")
    return push_bundle(commander(tmp_path), remote, archive, DIGEST, author, tmp_path / clone)


def test_a_bundle_becomes_a_branch(remote: Path, tmp_path: Path) -> None:
    sent = push(tmp_path, str(remote), "one")

    assert sent == SentBranch("bundle-abababababab", new=True, open=str(remote))
    assert git("-C", remote, "show", f"{sent.name}:bundles/{DIGEST}.tar.gz") == "a bundle"
    assert git("-C", remote, "log", "-1", "--format=%an %ae %cn", sent.name).split() == [
        "Ada", "contributor@mlperf-home.invalid", "Ada",
    ]  # fmt: skip
    assert git("-C", remote, "log", "--format=%s", "main").strip() == "Begin"


def test_sending_again_changes_nothing(remote: Path, tmp_path: Path) -> None:
    first = push(tmp_path, str(remote), "one")
    again = push(tmp_path, str(remote), "two")
    git("-C", remote, "update-ref", "refs/heads/main", first.name)
    git("-C", remote, "branch", "-D", first.name)
    merged = push(tmp_path, str(remote), "three")

    assert (again.name, again.new) == (first.name, False)
    assert (merged.name, merged.new) == ("", False)


def test_a_repository_out_of_reach_is_named(tmp_path: Path) -> None:
    with pytest.raises(SendingError, match=r"nowhere\.git: the branch was not made"):
        push(tmp_path, str(tmp_path / "nowhere.git"), "one")


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://github.com/me/board.git", "https://github.com/me/board/compare/bundle-1?expand=1"),
        (
            "https://gitlab.com/me/board",
            "https://gitlab.com/me/board/-/merge_requests/new?merge_request%5Bsource_branch%5D=bundle-1",
        ),
        ("git@example.org:me/board.git", "git@example.org:me/board.git"),
    ],
)
def test_the_address_of_a_pull_request_is_told(url: str, opens: str) -> None:
    from mlperf_home.leaderboard.sending.git_branch import _opening

    assert _opening(url, "bundle-1") == opens
