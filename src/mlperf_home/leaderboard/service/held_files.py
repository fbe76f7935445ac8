"""Files and folders that processes hold by locks of the kernel, and that others may move or remove meanwhile."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def held_file(path: Path) -> Iterator[bool]:
    """Lock a file; False if another process holds it, or it is gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield False
        return
    with file:
        yield locks.acquire(file) and locks.is_at(file, path)


@contextmanager
def held_folder(parent: Path) -> Iterator[Path]:
    """Make a folder, hold it, and remove it at the end; a killed process leaves it unlocked."""
    folder = parent / f"{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locks.acquire(descriptor)
        yield folder
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def remove_if(path: Path, is_old: Callable[[os.stat_result], bool]) -> None:
    """Remove a file that nobody holds, if its facts say so."""
    with held_file(path) as held:
        if held and (stat := stat_of(path)) and is_old(stat):
            path.unlink(missing_ok=True)


def remove_unheld(folder: Path) -> None:
    """Remove a folder that nobody holds."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        if locks.acquire(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def stat_of(path: Path) -> os.stat_result | None:
    """Return the facts of a file; None if it is gone."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
