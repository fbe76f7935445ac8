"""The pages of a board, from its index."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.leaderboard.answer.prize_draw import PrizeDraw
from mlperf_home.leaderboard.published_rows import rows_beside
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import SiteExtras, site_data
from mlperf_home.leaderboard.store.board import Board, today
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.measurements.prices import kept_prices, read_prices
from mlperf_home.product import ENGINE, PRODUCT
from mlperf_home.steps.boards.collecting import open_index
from scriptgraph.embed import check_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.leaderboard.events import Receipt
    from scriptgraph.api import Context


def publish_leaderboard(context: Context) -> Path:
    """Write the pages, and return the first.

    Raises:
        LocatedError: the board, the prices or the draw cannot be used, or the folder holds something else or cannot be
            written.
        SignatureError: the board's key cannot sign.
    """
    key = context.path("CM_BOARD_KEY")
    if key is not None:
        check_key(key, PRODUCT.name)
    board = Board(context.path("CM_BOARD_DIR") or context.results_home / "boards" / "board")
    settings = board.settings
    extras = _extras(context)
    published = rows_beside(sample=settings.sample) if context.flag("CM_BOARD_PUBLISHED") else []
    with closing(open_index(context, board)) as index:
        data = site_data(board, index, published, extras)
    if extras.draw:
        _check_draw(extras.draw, extras.challenges.get(extras.draw.challenge), data.receipts.values())
    out = context.output_path("CM_BOARD_SITE_DIR", Path.cwd() / "site")
    written = publish(board, data, out, key)
    mark = "SAMPLE BOARD, no MLPerf results: " if settings.sample else ""
    rows = [
        ("results", f"{len(data.results)}, not verified by MLCommons"),
        ("files", f"{written.files}, of which {written.changed} have changed; {written.bundles} bundles"),
        ("first page", str(out / "index.html")),
    ]
    context.table(f"{mark}{settings.name}", rows)
    return out / "index.html"


def _extras(context: Context) -> SiteExtras:
    path = context.path("CM_BOARD_PRICES")
    challenges, _ = find_challenges(ENGINE.repositories().roots)
    return SiteExtras(
        prices=read_prices(path) if path else kept_prices(context.results_home),
        challenges={each.name: each for each in challenges},
        draw=_draw(context),
    )


def _draw(context: Context) -> PrizeDraw | None:
    """Return the draw of the options; None without them. Raise BoardError if one is missing."""
    challenge = context.text("CM_BOARD_DRAW_CHALLENGE", "")
    source, seed = context.text("CM_BOARD_DRAW_SOURCE", ""), context.text("CM_BOARD_DRAW_SEED", "")
    if not (challenge or source or seed):
        return None
    for option, value in (("--draw_challenge", challenge), ("--draw_source", source)):
        if not value:
            advice = "name the challenge, and the source of the seed that was announced before it closed"
            raise BoardError(option, "is missing: a draw needs it", advice)
    return PrizeDraw(challenge, source, seed)


def _check_draw(draw: PrizeDraw, challenge: Challenge | None, receipts: Iterable[Receipt]) -> None:
    known = sorted({each.challenge for each in receipts})
    if draw.challenge not in known:
        advice = f"name one of: {', '.join(known) or 'none'}"
        raise BoardError("--draw_challenge", f"the board has no bundle of {draw.challenge[:80]!r}", advice)
    if draw.seed and challenge and today() <= challenge.closed.isoformat():
        problem = f"is too early: {challenge.name} is open until {challenge.closed}"
        raise BoardError("--draw_seed", problem, "draw once no entry can be added")
