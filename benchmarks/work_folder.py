"""A temporary folder for a benchmark, removed when Python exits."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def work_folder() -> Path:
    """Make the folder and return it."""
    folder = Path(tempfile.mkdtemp(prefix="mlperf-home-benchmark-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    # A forked process may run this function before this process ends.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
