"""Events of a board that a contributor signs or the organiser decides; each is followed by a judging."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.events import Forgetting, Revocation, Voucher
from mlperf_home.leaderboard.collect.statements import rotation, withdrawal
from mlperf_home.leaderboard.store.board import Board, today
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.steps.boards.collecting import judge_board, open_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.leaderboard.events import Event
    from mlperf_home.leaderboard.store.index import BoardIndex
    from scriptgraph.api import Context

    MakeEvent = Callable[[Board, BoardIndex], Event]


def withdraw_bundle(context: Context) -> None:
    """Withdraw a bundle in the name of its signer."""
    bundle, key = context.text("CM_BOARD_BUNDLE"), context.existing("CM_BOARD_SIGN_KEY")
    _change(context, lambda _board, index: withdrawal(index, bundle, key))
    context.say("withdrawn: its results stay visible, and count for nothing")


def rotate_key(context: Context) -> None:
    """Let a key hand over to another one."""
    key, successor = context.existing("CM_BOARD_SIGN_KEY"), context.existing("CM_BOARD_SUCCESSOR")
    _change(context, lambda _board, index: rotation(index, key, successor))
    context.say("handed over: results of both keys belong to one contributor")


def vouch_for_key(context: Context) -> None:
    """Vouch for a key, no longer vouch for it, or revoke it."""
    key, decision = context.text("CM_BOARD_KEY_FINGERPRINT"), context.text("CM_BOARD_KEY_DECISION")

    def event(_board: Board, index: BoardIndex) -> Event:
        if not any(each.key == key for each in index.receipts()):
            raise BoardError("--key", f"the board has no bundle of {key[:80]!r}", "copy a fingerprint of cm show board")
        if decision == "revoke":
            return Revocation(key=key, day=today())
        return Voucher(key=key, vouched=decision == "vouch", day=today())

    _change(context, event)


def forget_contributor(context: Context) -> None:
    """Erase the name of a contributor; results stay under the pseudonym."""
    name = context.text("CM_BOARD_CONTRIBUTOR")

    def event(board: Board, _index: BoardIndex) -> Event:
        known = board.names()
        found = [key for key, each in known.items() if name.lower() in {each.name.lower(), key.lower()}]
        if not found:
            names = ", ".join(sorted(each.name for each in known.values())) or "none"
            raise BoardError("--name", f"the board has no contributor {name[:80]!r}", f"it has these: {names}")
        board.erase_name(found[0])
        return Forgetting(contributor=found[0], day=today())

    _change(context, event)
    context.say("forgotten: copies of the board and of its pages keep the name until they are made anew")


def _change(context: Context, make_event: MakeEvent) -> None:
    board = Board(context.output_path("CM_BOARD_DIR", context.results_home / "boards" / "board"))
    board.settings  # noqa: B018 - raises if there is no board, before its folder is made
    with board.held(), closing(open_index(context, board)) as index:
        board.journal.append([make_event(board, index)])
        index.catch_up()
        judge_board(context, board, index, context.path("CM_BOARD_KEY"))
