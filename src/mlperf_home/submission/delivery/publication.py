"""Put a submission on a branch of a clone of the results' repository."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.layout import is_sample
from mlperf_home.submission.check.places import subfolders

if TYPE_CHECKING:
    from pathlib import Path


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


def put_into(clone: Path, root: Path, folders: list[Path]) -> None:
    """Let the clone hold these folders exactly as the submission has them; everything else in it stays."""
    for folder in folders:
        target = clone / folder
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(root / folder, target)
