"""Fixtures: a home with a tiny challenge, and a bundle of it."""

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
    """Return a repository with an open, locked challenge whose scripts are simulated."""
    return challenge_home(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the bundle of one run; each test edits its own copy."""
    with pytest.MonkeyPatch.context() as patch:
        yield challenge_home(tmp_path_factory.mktemp("good"), patch).bundle()


@pytest.fixture
def unpacked(good: Path, tmp_path: Path) -> UnpackedBundle:
    return UnpackedBundle(good, tmp_path)
