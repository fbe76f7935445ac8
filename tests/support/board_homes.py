"""Boards of samples, from bundles of simulated runs of a tiny challenge."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import ChallengeHome, challenge_home

from mlperf_home.leaderboard.collect.collector import Collected, collect, stored_rows
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.leaderboard.store.board import Board

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (openssh-client)")


def ssh_key(folder: Path, name: str) -> Path:
    """Make a key without a passphrase."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


@dataclass
class Contributors:
    """Bundles by several contributors, made once for a module."""

    home: ChallengeHome
    folder: Path
    keys: dict[str, Path] = field(default_factory=dict)

    def bundle(self, name: str, key: str = "", **options: Any) -> Path:
        """Return a new bundle under a name, signed by a key of that name or another; unsigned without a key."""
        if key and key not in self.keys:
            self.keys[key] = ssh_key(self.folder, key)
        signed = {"sign_key": str(self.keys[key]), "submitter": name} if key else {}
        made = self.home.bundle(only="first", new=True, **signed, **options)
        target = self.folder / f"{len(list(self.folder.glob('*.tar.gz')))}-{name}.tar.gz"
        shutil.copyfile(made, target)
        return target


def contributors(folder: Path) -> Iterator[Contributors]:
    """Yield a home that makes bundles."""
    with pytest.MonkeyPatch.context() as patch:
        (folder / "bundles").mkdir()
        yield Contributors(challenge_home(folder / "home", patch), folder / "bundles")


def taken(board: Board, *bundles: Path, place: str | None = None, objects: str = "") -> Collected:
    """Collect bundles into a board of samples."""
    with board.held():
        board.create(sample=True, objects=objects)
        with closing(BoardIndex(board, stored_rows(board), place)) as index:
            return collect(board, index, bundles, lambda _: None)
