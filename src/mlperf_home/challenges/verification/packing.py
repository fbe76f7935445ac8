"""Check that a bundle's archive holds only what packing writes."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem

_LONGEST_TAIL_BYTES = tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE


def packing_problems(archive: Path) -> Iterator[Problem]:
    """Yield additions to an archive: owners, times, modes, links, bytes after its end."""
    try:
        with gzip.open(archive, "rb") as packed:
            end = 0
            with tarfile.open(fileobj=packed, mode="r|") as members:
                for member in members:
                    if not (member.isfile() or member.isdir()):
                        yield member.name, "is neither a file nor a folder"
                    if member.uid or member.gid or member.uname or member.gname or member.mtime:
                        yield member.name, "has an owner or a time; packing writes neither"
                    if (member.isfile() or member.isdir()) and member.mode != (0o755 if member.isdir() else 0o644):
                        yield member.name, "has another mode than 644 (file) or 755 (folder)"
                    end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        with gzip.open(archive, "rb") as packed:
            packed.seek(end)
            # An archive ends with two empty blocks, and zeros up to the next record.
            tail = packed.read(_LONGEST_TAIL_BYTES + 1)
            if tail.strip(b"\0") or len(tail) > _LONGEST_TAIL_BYTES:
                yield archive.name, "has bytes after its last file"
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        yield archive.name, f"is no gzip-packed tar archive ({error})"
