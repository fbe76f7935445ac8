"""The real `cm`, in a subprocess, with folders of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cm_command import Cm, fresh_cm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    """Give a `cm` with an empty CM_REPOS."""
    return fresh_cm(tmp_path / "cm")
