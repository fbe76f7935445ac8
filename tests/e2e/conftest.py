"""Fixtures that start the real `cm` in a subprocess, with private folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cm_command import Cm, fresh_cm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    """Return a `cm` with an empty CM_REPOS."""
    return fresh_cm(tmp_path / "cm")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache for all tests that measure, so that images are made and preprocessed once."""
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def measuring_cm(tmp_path: Path, shared_cache: Path) -> Cm:
    """Return a `cm` with an empty CM_REPOS and the shared cache."""
    started = fresh_cm(tmp_path / "cm")
    started.environment["MLPERF_HOME_CACHE"] = str(shared_cache)
    return started
