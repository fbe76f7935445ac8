"""A board's repository on a bare remote, and the run steps of its workflows as a runner runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "Install mlperf-home"


def workflow(repository: Path, name: str) -> dict[str, Any]:
    """Read a workflow of a repository. The key `on` is a truth value in YAML 1.1."""
    return yaml.safe_load((repository / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))


@dataclass
class Hub:
    """A bare repository, which runs workflows of what is pushed to it.

    Attributes:
        folder: a folder for the remote and for the runners.
        environment: what finds `cm`.
    """

    folder: Path
    environment: dict[str, str]
    _numbers: count[int] = field(default_factory=count)

    @property
    def remote(self) -> Path:
        return self.folder / "cpu-board.git"

    @property
    def main(self) -> Path:
        """The organiser's checkout."""
        return self.folder / "main"

    def git(self, where: Path, *words: str | Path) -> str:
        argv = ["git", "-c", "user.name=A", "-c", "user.email=a@localhost", *map(str, words)]
        return subprocess.run(argv, cwd=where, env=self.environment, check=True, capture_output=True, text=True).stdout

    def begin(self, repository: Path) -> None:
        """Push a new repository, as its README tells."""
        self.remote.mkdir()
        self.git(self.remote, "init", "--bare", "-b", "main", ".")
        shutil.copytree(repository, self.main)
        for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "A board")):
            self.git(self.main, *words)
        self.git(self.main, "remote", "add", "origin", self.remote.as_uri())
        self.git(self.main, "push", "origin", "main")

    def merge(self, files: dict[str, bytes]) -> None:
        """Add files to main."""
        self._add(self.main, files)
        self.git(self.main, "push", "origin", "main")

    def pull_request(self, files: dict[str, bytes]) -> tuple[int, str]:
        """Run the workflow of a pull request with these files; return its exit status and its summary."""
        fork = self.folder / f"fork-{next(self._numbers)}"
        self.git(self.folder, "clone", self.remote.as_uri(), fork)
        self.git(fork, "checkout", "-b", "mine")
        self._add(fork, files)
        self.git(fork, "checkout", "main")
        self.git(fork, "merge", "--no-ff", "-m", "merged", "mine")
        self.git(fork, "push", "origin", "HEAD:refs/pull/1/merge", "--force")
        return self.run("verify", "verify", self.checkout("refs/pull/1/merge"), self.temporary())

    def board(self) -> tuple[str, Path]:
        """Run the workflow of main; return its summary, and the site."""
        first = self.temporary()
        code, summary = self.run("board", "collect", self.checkout("refs/heads/main"), first)
        assert code == 0, summary
        second = self.temporary()
        shutil.copytree(first / "commit", second / "commit")
        code, words = self.run("board", "keep", self.checkout("refs/heads/main"), second)
        assert code == 0, words
        return summary, first / "site"

    def checkout(self, reference: str) -> Path:
        """Check a reference out as actions/checkout does: shallow, and detached."""
        place = self.folder / f"checkout-{next(self._numbers)}"
        place.mkdir()
        self.git(place, "init")
        self.git(place, "remote", "add", "origin", self.remote.as_uri())
        self.git(place, "fetch", "--depth=2", "origin", reference)
        self.git(place, "checkout", "--detach", "FETCH_HEAD")
        return place

    def temporary(self) -> Path:
        path = self.folder / f"runner-{next(self._numbers)}"
        path.mkdir()
        return path

    def run(self, name: str, job: str, checkout: Path, temporary: Path) -> tuple[int, str]:
        """Run the run steps of a job; return the exit status of the last one, and the summary with all output."""
        document = workflow(checkout, name)
        summary = temporary / "summary.md"
        summary.touch()
        environment = {
            **self.environment,
            **document["env"],
            "RUNNER_TEMP": str(temporary),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_REPOSITORY": "someone/cpu-board",
            "GITHUB_SHA": self.git(checkout, "rev-parse", "HEAD").strip(),
        }
        output = ""
        for step in document["jobs"][job]["steps"]:
            if "run" not in step or step["name"] == INSTALL:
                continue
            script = temporary / "step.sh"
            script.write_text(step["run"], "utf-8")
            argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
            ended = subprocess.run(argv, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
            output += ended.stdout + ended.stderr
            if ended.returncode:
                return ended.returncode, summary.read_text("utf-8") + output
        return 0, summary.read_text("utf-8") + output

    def _add(self, where: Path, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            (where / name).write_bytes(content)
        self.git(where, "add", ".")
        self.git(where, "commit", "-m", "files")


def runner_environment(cm_environment: dict[str, str], cm: Path, folder: Path) -> dict[str, str]:
    """Return an environment whose `cm` judges with this Python's NumPy, so that nothing is downloaded."""
    folder.mkdir()
    program = folder / "cm"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *collect,bundles*) set -- "$@" --env.CM_PYTHON_LIB_ENVIRONMENT={sys.executable};; esac\n'
        f'exec {cm} "$@"\n'
    )
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**cm_environment, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
