"""The repository of a board: its workflows are valid, may do little, and take nothing else than bundles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlperf_home.leaderboard.board_repository.created import PLACES, create_repository
from mlperf_home.leaderboard.store.errors import BoardError

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "ab" * 32
GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-c", "commit.gpgsign=false")
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    create_repository(tmp_path / "board", "my-board", "1.2.3", sample=False)
    return tmp_path / "board"


def workflow(repository: Path, name: str) -> dict[Any, Any]:
    return yaml.safe_load((repository / f".github/workflows/{name}.yml").read_text())  # type: ignore[no-any-return]


def test_each_file_is_whole(repository: Path) -> None:
    for place in PLACES.values():
        text = (repository / place).read_text()
        assert text.endswith("\n")
        assert not re.search(r"@[A-Z]+@", text)


def test_workflows_are_valid(repository: Path) -> None:
    checker = shutil.which("check-jsonschema")
    if checker is None:
        pytest.skip("checked with the extra lint")
    files = sorted(str(path) for path in repository.glob(".github/workflows/*.yml"))

    subprocess.run([checker, "--builtin-schema", "vendor.github-workflows", *files], check=True)


def test_a_pull_request_can_write_nothing(repository: Path) -> None:
    verify = workflow(repository, "verify")

    assert verify["permissions"] == {"contents": "read"}
    assert "permissions" not in verify["jobs"]["bundles"]
    assert list(verify[True]) == ["pull_request"]  # YAML 1.1 reads `on` as yes
    assert "secrets" not in (repository / ".github/workflows/verify.yml").read_text()


def test_publishing_may_do_what_it_needs(repository: Path) -> None:
    publish = workflow(repository, "publish")

    assert publish["permissions"] == {"contents": "read"}
    assert publish["jobs"]["board"]["permissions"] == {"contents": "write"}
    assert publish["jobs"]["pages"]["permissions"] == {"pages": "write", "id-token": "write"}


@pytest.mark.parametrize("name", ["verify", "publish"])
def test_no_expression_stands_in_a_command(repository: Path, name: str) -> None:
    for job in workflow(repository, name)["jobs"].values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])
        assert job["timeout-minutes"] <= 120


def test_the_version_is_that_of_the_program(repository: Path) -> None:
    assert "mlperf-home==1.2.3" in (repository / ".github/workflows/verify.yml").read_text()


def test_a_board_of_samples_takes_samples(tmp_path: Path) -> None:
    create_repository(tmp_path, "b", "1", sample=True)

    assert "collect,bundles,_sample" in (tmp_path / "ci/collect.sh").read_text()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(BoardError, match=r"thesis.txt"):
        create_repository(tmp_path, "b", "1", sample=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@needs_git
class TestVerifying:
    """The check of a pull request, with a program that verifies what is called good."""

    @pytest.fixture
    def clone(self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        program = tmp_path / "bin" / "mlperf-home"
        program.parent.mkdir()
        program.write_text(
            '#!/bin/sh\nfor word; do :; done\ngrep -q good "${word#--bundle=}" && echo "fine \\`\\`\\`"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        self.git(repository, "init", "--quiet", "--initial-branch=main")
        self.commit(repository)
        return repository

    @staticmethod
    def git(folder: Path, *words: str) -> None:
        subprocess.run([*GIT, "-C", str(folder), *words], check=True)

    def commit(self, folder: Path) -> None:
        self.git(folder, "add", "--all", "--force")
        self.git(folder, "commit", "--quiet", "-m", "x")

    def verified(self, clone: Path, *paths: str) -> tuple[int, str]:
        """Add files in a commit, and return the status and the summary."""
        for path in paths:
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text("bad" if "bb" in path else "good")
        self.commit(clone)
        summary = clone.parent / "summary"
        done = subprocess.run(
            ["bash", "ci/verify.sh", "HEAD~1"], cwd=clone, env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)},
            check=False, capture_output=True,
        )  # fmt: skip
        return done.returncode, summary.read_text()

    def test_a_good_bundle_passes(self, clone: Path) -> None:
        status, summary = self.verified(clone, f"bundles/{DIGEST}.tar.gz")

        assert status == 0
        assert f"- verified: {DIGEST}.tar.gz" in summary

    def test_what_a_bundle_says_stays_text(self, clone: Path) -> None:
        _, summary = self.verified(clone, f"bundles/{DIGEST}.tar.gz")

        assert "\nfine \n" in summary
        assert summary.count("```") == 2

    def test_a_bad_bundle_fails_beside_a_good_one(self, clone: Path) -> None:
        status, summary = self.verified(clone, f"bundles/{DIGEST}.tar.gz", f"bundles/{'bb' * 32}.tar.gz")

        assert status == 1
        assert f"NOT verified: {'bb' * 32}" in summary
        assert f"- verified: {DIGEST}" in summary

    @pytest.mark.parametrize(
        "path",
        [
            "ci/verify.sh", ".github/workflows/verify.yml", "bundles/x.tar.gz", f"bundles/{DIGEST}.tar.gz.sh",
            f"bundles/a/{DIGEST}.tar.gz", "bundles/$(touch pwned).tar.gz", f"bundles/{DIGEST}.tar.gz\nx", "README.md",
            "bundles/--help",
        ],
        ids=repr,
    )  # fmt: skip
    def test_anything_else_is_refused(self, clone: Path, path: str) -> None:
        script = (clone / "ci/verify.sh").read_text()
        if path == "ci/verify.sh":
            (clone / path).write_text(f"{script}\n# changed\n")
            status, summary = self.verified(clone)
        else:
            status, summary = self.verified(clone, path)

        assert status == 1
        assert "- refused" in summary
        assert not (clone / "pwned").exists()

    def test_a_link_is_refused(self, clone: Path) -> None:
        (clone / f"bundles/{DIGEST}.tar.gz").symlink_to("../README.md")
        status, summary = self.verified(clone)

        assert (status, "- refused" in summary) == (1, True)

    def test_a_changed_bundle_is_refused(self, clone: Path) -> None:
        self.verified(clone, f"bundles/{DIGEST}.tar.gz")
        (clone / f"bundles/{DIGEST}.tar.gz").write_text("good and other")

        assert self.verified(clone)[0] == 1
