"""The pages of a board, from its index."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.site.wanted_signature import sign_wanted
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.product import PRODUCT
from mlperf_home.steps.boards.collecting import open_index
from scriptgraph.embed import check_key

if TYPE_CHECKING:
    from scriptgraph.api import Context


def publish_leaderboard(context: Context) -> Path:
    """Write the pages, and return the first.

    Raises:
        LocatedError: the board cannot be used, or the folder holds something else or cannot be written.
        SignatureError: the board's key cannot sign.
    """
    key = context.path("CM_BOARD_KEY")
    if key is not None:
        check_key(key, PRODUCT.name)
    board = Board(context.path("CM_BOARD_DIR") or context.results_home / "boards" / "board")
    settings = board.settings
    published = rows_beside(sample=settings.sample) if context.flag("CM_BOARD_PUBLISHED") else []
    with closing(open_index(context, board)) as index:
        data = site_data(board, index, published)
    out = context.output_path("CM_BOARD_SITE_DIR", Path.cwd() / "site")
    written = publish(board, data, out)
    sign_wanted(out, key)
    mark = "SAMPLE BOARD, no MLPerf results: " if settings.sample else ""
    rows = [
        ("results", f"{len(data.results)}, not verified by MLCommons"),
        ("files", f"{written.files}, of which {written.changed} have changed; {written.bundles} bundles"),
        ("first page", str(out / "index.html")),
    ]
    context.table(f"{mark}{settings.name}", rows)
    return out / "index.html"
