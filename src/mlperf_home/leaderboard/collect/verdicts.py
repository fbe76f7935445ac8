"""The verdicts of a judging, as lines to append: only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.events import VerdictLine
from mlperf_home.leaderboard.store.board import now_utc

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.judging import JudgeAnswer
    from mlperf_home.leaderboard.store.index import BoardIndex


def changed_verdicts(answer: JudgeAnswer, index: BoardIndex) -> list[VerdictLine]:
    """Return the lines of the board's results whose judgement differs from the last one."""
    last = {each.result.id: each.judgement for each in index.results()}
    utc, events = now_utc(), index.events()
    return [
        VerdictLine(judgement=each, utc=utc, events=events)
        for each in answer.judgements
        if each.result in last and last[each.result] != each
    ]
