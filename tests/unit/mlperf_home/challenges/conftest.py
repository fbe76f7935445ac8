"""A home in which a tiny challenge is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from challenge_homes import ChallengeHome, challenge_home
from unpacked_bundles import UnpackedBundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChallengeHome:
    """Give a repository with a locked challenge that is open, and a front whose commands are pretended."""
    return challenge_home(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the bundle of one run: each test edits a copy of its own."""
    with pytest.MonkeyPatch.context() as patch:
        yield challenge_home(tmp_path_factory.mktemp("good"), patch).bundle()


@pytest.fixture
def unpacked(good: Path, tmp_path: Path) -> UnpackedBundle:
    return UnpackedBundle(good, tmp_path)
