"""A submission as one file: the same bytes for the same tree."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.submission.tree.root_lock import BusyError, held
from scriptgraph.files.atomic import remove_leftovers, replacement

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = {".git", ".mlperf-home-partial"}


class TarballError(LocatedError):
    """The tree cannot be packed."""


def pack(root: Path, target: Path) -> int:
    """Pack the folders of a submission below `<name of root>/`, whole or not at all; give the number of files.

    Names are sorted; owners and times are left out, so that two machines make the same bytes.

    Raises:
        TarballError: `root` is no folder or in use, `target` is inside it, or it cannot be written.
    """
    if not root.is_dir():
        raise TarballError(root, "is no folder", "give the root of a submission by --submission_dir")
    if target.absolute().is_relative_to(root.absolute()):
        raise TarballError(target, f"is inside {root}", "pack to a place outside of what is packed")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with held(root):
            remove_leftovers(target)
            return _pack(root, target)
    except BusyError as error:
        raise TarballError(error.where, error.problem, error.advice) from None
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise TarballError(error.filename or target, problem, "make room or give another place") from error


def _pack(root: Path, target: Path) -> int:
    paths = [path for path in sorted(root.rglob("*")) if _LEFT_OUT.isdisjoint(path.relative_to(root).parts)]
    with (
        replacement(target) as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in paths:
            archive.add(path, arcname=f"{root.name}/{path.relative_to(root)}", recursive=False, filter=_plain)
    return sum(path.is_file() for path in paths)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member
