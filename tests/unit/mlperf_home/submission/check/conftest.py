"""Fixtures: a submission that has no faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from submission_tree import write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def submitter(tmp_path: Path) -> Path:
    """Return the folder of a submitter in the open division."""
    return write_tree(tmp_path / "tree")
