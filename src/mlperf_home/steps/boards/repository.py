"""The repository of a board without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.board_repository.creation import create_repository
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import installed_versions

if TYPE_CHECKING:
    from scriptgraph.api import Context


def create_board_repository(context: Context) -> Path:
    """Write the repository of a board, and return its folder.

    Raises:
        BoardError: no version is installed that it could name, or the folder holds something or cannot be written.
    """
    version = installed_versions([PRODUCT.name])[PRODUCT.name]
    if not version:
        raise BoardError(PRODUCT.name, "is not installed, so there is no version to name", "install it by pip first")
    out = context.output_path("CM_BOARD_REPOSITORY", Path.cwd() / "board-repository")
    sample = context.flag("CM_DATASET_SAMPLE")
    files = create_repository(out, version, sample=sample)
    rows = [
        ("folder", str(out)),
        ("takes", "samples only" if sample else "real results only"),
        ("installs", f"{PRODUCT.name} {version}"),
        ("files", ", ".join(files)),
        ("next", f"follow {out / 'README.md'}"),
    ]
    context.table("A repository for a board", rows)
    return out
