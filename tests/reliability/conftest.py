"""The real `cm`, in a subprocess, with folders of its own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from cm_command import CHECKOUT, CM, Cm
from tiny_scripts import Bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cm(tmp_path: Path) -> Cm:
    """Give a `cm` with an empty CM_REPOS."""
    if not CM.exists():
        pytest.skip("cm is not installed beside this Python: pip install '.[test]'")
    home = tmp_path / "cm"
    home.mkdir()
    started = Cm(home)
    if find_spec("cm_mlperf_home") is None:  # a checkout in place of an installation is registered by hand
        assert started("add", "repo", f"--path={CHECKOUT}").code == 0
    return started


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a bench for scripts of a test's own."""
    return Bench(tmp_path)
