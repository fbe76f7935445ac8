"""The real `cm`, and a bench for scripts of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cm_command import Cm, fresh_cm
from tiny_scripts import Bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a bench for scripts of a test's own."""
    return Bench(tmp_path)


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    """Give a `cm` with an empty CM_REPOS."""
    return fresh_cm(tmp_path / "cm")
