"""Fixtures: the real `cm`, and a bench for a test's own scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cm_command import Cm, fresh_cm
from tiny_scripts import Bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench for a test's own scripts."""
    return Bench(tmp_path)


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    """Return a `cm` with an empty CM_REPOS."""
    return fresh_cm(tmp_path / "cm")
