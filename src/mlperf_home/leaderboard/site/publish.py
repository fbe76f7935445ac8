"""Write the pages of a board into a folder: only those that have changed."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.site.pages import pages
from mlperf_home.leaderboard.store.errors import BoardError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.board import Board

_MARK = ".mlperf-home-site"


@dataclass(frozen=True)
class Published:
    """What was written: the number of files, of those that have changed, and of bundles."""

    files: int
    changed: int
    bundles: int


def publish(board: Board, data: SiteData, out: Path) -> Published:
    """Write a board's pages, tables and bundles; pages of earlier times stay, so old addresses hold.

    Raises:
        BoardError: the folder holds something else, or it cannot be written.
    """
    try:
        others = [path.name for path in out.iterdir()] if out.is_dir() else []
        if others and _MARK not in others:
            raise BoardError(out, f"holds {min(others)!r}, no pages of a board", "name an empty folder")
        out.mkdir(parents=True, exist_ok=True)
        (out / _MARK).touch()
        files = changed = 0
        for address, text in pages(data):
            files += 1
            changed += _write(out / address, text)
        return Published(files, changed, _copy_bundles(board, data, out / "bundles"))
    except OSError as error:
        advice = "name a folder that you can write to, with enough space"
        raise BoardError(out, f"cannot be written ({error.strerror})", advice) from None


def _write(path: Path, text: str) -> bool:
    """Write a page if its text has changed."""
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, text)
    return True


def _copy_bundles(board: Board, data: SiteData, folder: Path) -> int:
    """Copy the bundles, which lack their contributors' names, and never change."""
    folder.mkdir(exist_ok=True)
    for bundle, receipt in data.receipts.items():
        target = folder / f"{bundle}.tar.gz"
        if not target.exists():
            with tempfile.TemporaryDirectory(prefix=".bundle-", dir=folder) as name:
                copy = Path(name) / "copy"
                shutil.copyfile(board.archive(receipt, Path(name)), copy)
                copy.replace(target)
    return len(data.receipts)
