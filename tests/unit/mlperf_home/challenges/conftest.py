"""A home in which a tiny challenge is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from challenge_homes import ChallengeHome, challenge_home

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChallengeHome:
    """Give a repository with a locked challenge that is open, and a front whose commands are pretended."""
    return challenge_home(tmp_path, monkeypatch)
