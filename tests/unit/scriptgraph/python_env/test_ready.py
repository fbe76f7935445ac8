"""Environments that were made before are used for the Python and the lock that they were made for."""

from __future__ import annotations

import sys
from pathlib import Path

from scriptgraph.python_env.ready import FOLDERS_VARIABLE, folder_name, ready_environment

HERE = Path(sys.executable)


def made(folder: Path, lock: Path) -> Path:
    python = folder / folder_name(lock.stem, lock.read_text()) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(HERE)
    return python


def test_an_environment_is_found_by_its_lock(tmp_path: Path) -> None:
    lock = tmp_path / "fast.txt"
    lock.write_text("alpha==1.0\n")
    python = made(tmp_path / "ready", lock)
    environ = {FOLDERS_VARIABLE: str(tmp_path / "ready")}

    assert ready_environment(lock, HERE, environ) == python
    assert ready_environment(lock, HERE, {}) is None
    lock.write_text("alpha==2.0\n")
    assert ready_environment(lock, HERE, environ) is None


def test_another_python_has_no_ready_environment(tmp_path: Path) -> None:
    lock, other = tmp_path / "fast.txt", tmp_path / "python"
    lock.write_text("alpha==1.0\n")
    made(tmp_path / "ready", lock)
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)

    assert ready_environment(lock, other, {FOLDERS_VARIABLE: str(tmp_path / "ready")}) is None
