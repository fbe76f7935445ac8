"""A board without a server: the commands of its CI, run against a local bare repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from board_homes import contributors, needs_ssh, ssh_key
from cm_command import CM, Cm, fresh_cm

from mlperf_home.leaderboard.collect.collector import manifest_digest, stored_rows
from mlperf_home.leaderboard.participation.board_list import read_board_list
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, needs_ssh, pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")]
NAMES = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x.invalid"}
NAMES |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x.invalid", "GIT_CONFIG_NOSYSTEM": "1"}


class Forge:
    """A bare repository, and the workflows' commands in fresh clones of it."""

    def __init__(self, folder: Path, cm: Cm) -> None:
        self.bare, self.clones = folder / "bare.git", folder / "clones"
        self.summary = folder / "summary"
        self.environment = {**cm.environment, **NAMES, "PATH": f"{CM.parent}:{os.environ['PATH']}"}
        self.environment |= {"GITHUB_STEP_SUMMARY": str(self.summary), "HOME": str(folder)}

    def run(self, folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        env = {**self.environment, **extra}
        return subprocess.run(words, cwd=folder, env=env, check=False, text=True, capture_output=True)

    def git(self, folder: Path, *words: str) -> str:
        done = self.run(folder, "git", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(self, branch: str = "main") -> Path:
        self.clones.mkdir(exist_ok=True)
        target = self.clones / str(len(list(self.clones.iterdir())))
        self.git(self.clones, "clone", "--quiet", "--branch", branch, str(self.bare), str(target))
        return target

    def add(self, bundle: Path, branch: str) -> None:
        """Push a branch with a bundle, as `send,bundle` does."""
        clone = self.clone()
        self.git(clone, "checkout", "--quiet", "-b", branch)
        shutil.copyfile(bundle, clone / "bundles" / f"{manifest_digest(bundle)}.tar.gz")
        self.git(clone, "add", "--force", "bundles")
        self.git(clone, "commit", "--quiet", "-m", "a bundle")
        self.git(clone, "push", "--quiet", "origin", branch)

    def merge(self, branch: str) -> None:
        clone = self.clone()
        self.git(clone, "merge", "--quiet", "--no-ff", "-m", "merged", f"origin/{branch}")
        self.git(clone, "push", "--quiet", "origin", "main")

    def workflow(self, name: str, branch: str, **values: str) -> tuple[int, Path, str]:
        """Run the commands of a workflow but the installation; return the status, the clone and the output."""
        clone = self.clone(branch)
        jobs: dict[str, Any] = yaml.safe_load((clone / f".github/workflows/{name}.yml").read_text())["jobs"]
        output = ""
        for step in next(iter(jobs.values()))["steps"]:
            if "run" in step and step["name"] != "Install":
                env = {key: values.get(text.strip("${} "), "") for key, text in step.get("env", {}).items()}
                done = self.run(clone, "bash", "-eo", "pipefail", "-c", step["run"], **env)
                output += done.stdout + done.stderr
                if done.returncode:
                    return done.returncode, clone, output
        return 0, clone, output


@pytest.fixture
def forge(tmp_path: Path, shared_cache: Path) -> Forge:
    cm = fresh_cm(tmp_path / "cm")
    cm.environment["MLPERF_HOME_CACHE"] = str(shared_cache)
    made = Forge(tmp_path, cm)
    created = cm("run", "script", "--tags=create,board,repo,_sample", f"--out_dir={tmp_path / 'my-board'}")
    assert created.code == 0, created.output
    made.git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(made.bare))
    organiser = tmp_path / "my-board"
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "-m", "A board"),
    ):
        made.git(organiser, *words)
    made.git(organiser, "push", "--quiet", str(made.bare), "main")
    return made


@pytest.fixture
def bundles(tmp_path: Path) -> list[Path]:
    (tmp_path / "senders").mkdir()
    for senders in contributors(tmp_path / "senders"):
        return [senders.bundle("Ada", "ada"), senders.bundle("Bob", "bob")]
    return []


def test_pull_requests_become_a_public_page(forge: Forge, bundles: list[Path], tmp_path: Path) -> None:
    key = ssh_key(tmp_path, "board-key").read_text()
    secret = {"secrets.BOARD_KEY": key}

    status, clone, output = forge.workflow("publish", "main", **secret)
    assert status == 0, output
    assert "my-board" in (clone / "_site/index.html").read_text()

    base = forge.git(forge.bare, "rev-parse", "main")
    forge.add(bundles[0], "bundle-a")
    status, _, output = forge.workflow("verify", "bundle-a", **{"github.event.pull_request.base.sha": base})
    assert status == 0, output
    assert f"- verified: {manifest_digest(bundles[0])}.tar.gz" in forge.summary.read_text()

    for name, bundle in zip("ab", bundles, strict=True):
        if name == "b":
            forge.add(bundle, "bundle-b")
        forge.merge(f"bundle-{name}")
    status, clone, output = forge.workflow("publish", "main", **secret)
    assert status == 0, output
    site = clone / "_site"
    assert len(list((site / "bundles").glob("*.tar.gz"))) == 2
    assert read_board_list(str(site)).key.startswith("SHA256:")
    assert not (clone / ".board-key").exists()

    board = Board(forge.clone("board") / "my-board")
    with closing(BoardIndex(board, stored_rows(board))) as index:
        receipts = list(index.receipts())
    assert [each.bundle for each in receipts] == [manifest_digest(each) for each in bundles]
    assert len({each.batch for each in receipts}) == 2

    before = forge.git(forge.bare, "rev-parse", "board")
    status, _, output = forge.workflow("publish", "main", **secret)
    assert status == 0, output
    assert forge.git(forge.bare, "rev-parse", "board") == before


def test_a_changed_bundle_is_named_in_the_summary(forge: Forge, bundles: list[Path]) -> None:
    base = forge.git(forge.bare, "rev-parse", "main")
    forge.add(bundles[0], "bundle-a")
    clone = forge.clone("bundle-a")
    path = next((clone / "bundles").glob("*.tar.gz"))
    path.write_bytes(path.read_bytes()[:-100])
    forge.git(clone, "commit", "--quiet", "--all", "-m", "cut off")
    forge.git(clone, "push", "--quiet", "origin", "bundle-a")

    status, _, _ = forge.workflow("verify", "bundle-a", **{"github.event.pull_request.base.sha": base})
    assert status == 1
    assert "NOT verified" in forge.summary.read_text()
