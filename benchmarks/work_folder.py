"""A folder for one benchmark, which is gone when Python ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def work_folder() -> Path:
    """Make the folder."""
    folder = Path(tempfile.mkdtemp(prefix="mlperf-home-benchmark-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    # A fork ends before this process does, and may end as Python does.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
