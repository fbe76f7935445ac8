"""Files of a fleet on the file system that its nodes share with this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import CarriedFile

_TAIL_BYTES = 4096


class OtherHashError(Exception):
    """A copy has another hash than it should."""


def put_program(program: Path, path: Path) -> None:
    """Copy the archive of the programs, unless it is there."""
    content = program.read_bytes()
    if not path.exists() or path.stat().st_size != len(content):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, content)


def put_file(carried: CarriedFile, path: Path) -> bool:
    """Copy a file unless one of its size is there; return whether it was copied."""
    if path.exists() and path.stat().st_size == carried.size:
        return False
    copy(carried.path, path, carried.sha256)
    return True


def copy(source: Path, target: Path, sha256: str) -> None:
    """Copy a file; it is on the disk, complete, when this returns.

    Raises:
        OtherHashError: the copy is not what it should be.
        OSError: there is no space, or the source is gone.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.{sha256[:16]}.making")
    try:
        shutil.copyfile(source, making)
        with making.open("rb") as file:
            os.fsync(file.fileno())
        if sha256_of(making) != sha256:
            raise OtherHashError(source)
        making.replace(target)
    finally:
        making.unlink(missing_ok=True)


def last_words(job_folder: Path) -> str:
    """Return the last line of a job's error log, or else of its output; Slurm writes both."""
    for kind in ("err", "out"):
        for path in sorted(job_folder.glob(f"*_log.{kind}"), reverse=True):
            with suppress(OSError), path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                lines = file.read(_TAIL_BYTES).decode(errors="replace").split("\n")
                if words := [" ".join(line.split()) for line in lines if line.strip()]:
                    return f"{words[-1][:300]} ({path})"
    return f"it wrote nothing to {job_folder}; is that folder, and this program's, shared with the nodes?"
