"""Folders of the cache as the disk has them: how much room they take, and how they go."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own


def disk_bytes(folder: Path) -> int:
    """Add up what a folder takes on the disk; a file with several names in it counts once.

    What goes away meanwhile counts as nothing, and so do links to folders.
    """
    total, seen = 0, set[tuple[int, int]]()
    for parent, _, files in os.walk(folder):
        for name in (".", *files):
            try:
                found = os.lstat(f"{parent}/{name}")
            except OSError:
                continue
            if found.st_nlink > 1 and name != ".":
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * _BLOCK_BYTES
    return total


def remove_tree(folder: Path) -> None:
    """Delete a folder, one that its maker has protected from writing as well."""
    import shutil  # noqa: PLC0415 - its import takes long, and what is found needs no removal

    try:
        shutil.rmtree(folder)
    except PermissionError:
        folder.chmod(0o700)
        for parent, folders, _ in os.walk(folder):
            for each in (Path(parent, name) for name in folders):
                if not each.is_symlink():
                    each.chmod(0o700)
        shutil.rmtree(folder)
