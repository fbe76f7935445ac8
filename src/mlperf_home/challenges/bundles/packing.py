"""The form of a bundle's archive: nothing in it that packing leaves out."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.faults import Problem

_BLOCK_BYTES = 1 << 16


def packing_problems(archive: Path) -> Iterator[Problem]:
    """Name what was put into an archive after it was packed: owners, times, modes, links, bytes after its end."""
    try:
        with gzip.open(archive, "rb") as packed:
            end = 0
            with tarfile.open(fileobj=packed, mode="r|") as members:
                for member in members:
                    if not (member.isfile() or member.isdir()):
                        yield member.name, "is neither a file nor a folder"
                    if member.uid or member.gid or member.uname or member.gname or member.mtime:
                        yield member.name, "has an owner or a time, which packing leaves out"
                    if (member.isfile() or member.isdir()) and member.mode != (0o755 if member.isdir() else 0o644):
                        yield member.name, "has another mode than packing gives"
                    end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        with gzip.open(archive, "rb") as packed:
            packed.seek(end)
            while block := packed.read(_BLOCK_BYTES):
                if block.strip(b"\0"):
                    yield archive.name, "has something after its last file"
                    return
    except (OSError, EOFError, tarfile.TarError) as error:
        yield archive.name, f"is not packed as bundles are ({error})"
