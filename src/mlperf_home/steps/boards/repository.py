"""A repository for a board without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.board_repository.created import create_repository
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.product import PRODUCT
from scriptgraph.api import is_plain_name
from scriptgraph.embed import installed_versions

if TYPE_CHECKING:
    from scriptgraph.api import Context


def create_board_repository(context: Context) -> Path:
    """Write the repository, and return its folder.

    Raises:
        BoardError: the folder holds something else or cannot be written, or the board has no name.
    """
    out = context.output_path("CM_BOARD_REPO_DIR", Path.cwd() / "board")
    name = context.name("CM_BOARD_REPO_NAME", "") or out.resolve().name
    if not is_plain_name(name) or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise BoardError("--board_name", f"{name[:80]!r} is no name of a repository", "use letters, digits and . _ -")
    version = installed_versions([PRODUCT.name])[PRODUCT.name]
    if version is None:
        raise BoardError(PRODUCT.name, "its version is unknown", "install it: pip install mlperf-home")
    written = create_repository(out, name, version, sample=context.flag("CM_DATASET_SAMPLE"))
    rows = [("folder", str(out)), ("files", str(len(written))), ("next", f"{out / 'README.md'}, the first section")]
    context.table(f"A repository for the board {name}", rows)
    return out
