"""Hand a submission in: as one file, the same bytes for the same tree, or on a branch of the results' repository."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.layout import is_sample
from mlperf_home.submission.check.places import lock_submission, subfolders
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
        raise TarballError(error.filename or target, problem, "make room or give another place") from error


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member


class PublicationError(LocatedError):
    """A submission cannot be put into a repository."""


def submitter_folders(root: Path, divisions: tuple[str, ...]) -> list[Path]:
    """List the submitters' folders of a submission, relative to its root.

    Raises:
        PublicationError: there is none.
    """
    found = [folder.relative_to(root) for division in divisions for folder in subfolders(root / division)]
    if not found:
        raise PublicationError(root, "holds no submitter's folder", "generate the submission first")
    return found


def refuse_samples(root: Path, folders: list[Path]) -> None:
    """See that no result in these folders is a sample.

    Raises:
        PublicationError: one is: it is no MLPerf result.
    """
    for folder in folders:
        for path in sorted((root / folder / "measurements").glob("*/*/*/*.json")):
            if is_sample(path):
                advice = "measure with the real dataset and model; --allow_sample pushes it for trying"
                raise PublicationError(path.parent, "is a sample, no MLPerf result", advice)


def replace_folders(clone: Path, root: Path, folders: list[Path]) -> None:
    """Let the clone hold these folders exactly as the submission has them; everything else in it stays."""
    for folder in folders:
        target = clone / folder
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(root / folder, target)
