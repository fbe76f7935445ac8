"""Write the pages of a board into a folder: only those that have changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.site.pages import pages
from mlperf_home.leaderboard.site.wanted_signature import sign_wanted
from mlperf_home.leaderboard.site.written_keys import KEYS_FILE, WrittenKeys
from mlperf_home.leaderboard.store.errors import BoardError

if TYPE_CHECKING:
    from mlperf_home.leaderboard.site.drafts import Draft
    from mlperf_home.leaderboard.site.site_data import SiteData
    from mlperf_home.leaderboard.store.board import Board


@dataclass(frozen=True)
class Published:
    """What was written: the number of files, of those that have changed, and of bundles."""

    files: int
    changed: int
    bundles: int


def publish(board: Board, data: SiteData, out: Path, key: Path | None = None) -> Published:
    """Write a board's pages, tables and bundles; pages of earlier times stay, so old addresses hold.

    Args:
        board: the board.
        data: what its pages show.
        out: the folder.
        key: the board's key, which signs the list of what is wanted; None leaves it unsigned.

    Raises:
        BoardError: the folder holds something else, or it cannot be written.
        SignatureError: the key cannot sign.
    """
    try:
        others = [path.name for path in out.iterdir()] if out.is_dir() else []
        if others and KEYS_FILE not in others:
            raise BoardError(out, f"holds {min(others)!r}, no pages of a board", "name an empty folder")
        out.mkdir(parents=True, exist_ok=True)
        with WrittenKeys(out).renewed() as keys:
            folders = set[str]()
            changed = sum(_write(str(out), draft, keys, folders) for draft in pages(data))
        sign_wanted(out, key)
        return Published(len(keys.now), changed, _copy_bundles(board, data, out / "bundles"))
    except OSError as error:
        advice = "name a folder that you can write to, with enough space"
        raise BoardError(out, f"cannot be written ({error.strerror})", advice) from None


def _write(out: str, draft: Draft, keys: WrittenKeys, folders: set[str]) -> bool:
    """Write a file if it is not there, or if its bytes have changed; texts of paths, since there are many."""
    path = f"{out}/{draft.address}"
    keys.now[draft.address] = draft.key
    there = os.path.isfile(path)  # noqa: PTH113
    if there and keys.then.get(draft.address) == draft.key:
        return False
    content = draft.make()
    if there and Path(path).read_bytes() == content:
        return False
    folder, _, name = path.rpartition("/")
    if folder not in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        folders.add(folder)
    partial = f"{folder}/.{name}.partial"
    with open(partial, "wb") as file:  # noqa: PTH123
        file.write(content)
    os.replace(partial, path)  # noqa: PTH105
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
