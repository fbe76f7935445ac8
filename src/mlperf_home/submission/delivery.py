"""Deliver a submission: as one reproducible archive, or on a branch of the results' repository."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.layout import is_sample
from mlperf_home.rules.layouts import LAYOUTS
from mlperf_home.submission.check.places import lock_submission, subfolders
from scriptgraph.files.atomic import remove_leftovers, replacement

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = {".git", ".mlperf-home-partial"}


class TarballError(LocatedError):
    """A tree cannot be packed."""


def pack(root: Path, target: Path) -> int:
    """Pack a submission below `<name of root>/`, completely or not at all.

    Names are sorted, and owners and times are left out: the archive has the same bytes on every machine.

    Returns:
        The number of files.

    Raises:
        TarballError: `root` is not a folder or is in use, or `target` is inside it or cannot be written.
    """
    if not root.is_dir():
        raise TarballError(root, "is not a folder", "pass the root of a submission by --submission_dir")
    if target.absolute().is_relative_to(root.absolute()):
        raise TarballError(target, f"is inside {root}", "pack to a file outside that folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock_submission(root, TarballError):
            remove_leftovers(target)
            paths = [path for path in sorted(root.rglob("*")) if _LEFT_OUT.isdisjoint(path.relative_to(root).parts)]
            with (
                replacement(target) as file,
                gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                for path in paths:
                    archive.add(path, arcname=f"{root.name}/{path.relative_to(root)}", recursive=False, filter=_plain)
            return sum(path.is_file() for path in paths)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise TarballError(error.filename or target, problem, "free some space, or choose another file") from error


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member


class PublicationError(LocatedError):
    """A submission cannot be copied into a repository."""


def submitter_folders(root: Path, divisions: tuple[str, ...]) -> list[Path]:
    """List the submitters' folders of a submission, relative to its root.

    Raises:
        PublicationError: there is none.
    """
    folders = [folder.relative_to(root) for division in divisions for folder in subfolders(root / division)]
    if not folders:
        raise PublicationError(root, "holds no folder of a submitter", "generate the submission first")
    return folders


def refuse_samples(root: Path, folders: list[Path]) -> None:
    """Raise PublicationError if a result in the folders is a sample."""
    for folder in folders:
        for path in (path for layout in LAYOUTS for path in layout.result_jsons(root / folder)):
            if is_sample(path):
                advice = "measure with the real dataset and model, or test the push with --allow_sample"
                raise PublicationError(path.parent, "is a sample, not an MLPerf result", advice)


def replace_folders(clone: Path, root: Path, folders: list[Path]) -> None:
    """Replace folders of a clone by those of a submission; keep everything else in the clone."""
    for folder in folders:
        target = clone / folder
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(root / folder, target)
