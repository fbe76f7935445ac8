"""The place of a board's bundles: a folder, or a bucket of S3. An object is whole there, or absent."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Protocol

from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.files.atomic import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_PREFIX = r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,99}"
_PLACE = re.compile(rf"s3://{_BUCKET}(/{_PREFIX}){{0,9}}/?")


class Objects(Protocol):
    """The archives of a board's bundles, under the SHA-256 of their manifests."""

    def require_free(self) -> None:
        """Raise BoardError if another board keeps its objects here, or if the place cannot be reached."""
        ...

    def keep(self, archive: Path, bundle: str) -> None:
        """Keep a copy of an archive; equal bytes that are there stay, others are replaced: no receipt names them.

        Raises:
            BoardError: it cannot be written; then it is absent.
        """
        ...

    def archive(self, bundle: str, scratch: Path) -> Path:
        """Return the path of an archive: its own, or that of a copy in the folder `scratch`.

        Raises:
            BoardError: it is lost, or cannot be read.
        """
        ...


def checked_place(text: str) -> str:
    """Return the address of a bucket with a prefix, without a slash at its end. Raise BoardError if it is none."""
    if not _PLACE.fullmatch(text):
        advice = "write s3://BUCKET/PREFIX; endpoint and keys are AWS_ variables of the environment"
        raise BoardError("--objects", f"{text[:80]!r} is no place for objects", advice)
    return text.rstrip("/")


def object_name(bundle: str) -> str:
    """Return the name of a bundle's archive within the place of objects."""
    return f"{bundle[:2]}/{bundle}.tar.gz"


def lost(where: object) -> BoardError:
    """Return the error of an archive that is not where it was put."""
    return BoardError(
        where, "is lost or changed, but a receipt names it", "restore the board's objects from their copy"
    )


class FolderObjects:
    """Objects in a folder of the board."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def require_free(self) -> None:
        """Do nothing: the folder is a part of the board's own."""

    def keep(self, archive: Path, bundle: str) -> None:
        """Copy an archive to its place."""
        target = self.folder / object_name(bundle)
        partial = target.with_suffix(".partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, partial)
            partial.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise BoardError(target, f"cannot be written ({error.strerror})", "free some space") from None

    def archive(self, bundle: str, scratch: Path) -> Path:
        """Return the path of an archive."""
        del scratch  # only what is elsewhere is copied
        path = self.folder / object_name(bundle)
        if not path.is_file():
            raise lost(path)
        return path
