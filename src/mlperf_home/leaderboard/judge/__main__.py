"""`python -m mlperf_home.leaderboard.judge --request request.json`: judge a board; the answer is a file beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.leaderboard.judging import ANSWER_FILE, JUDGING_LIMITS, JudgeRequest
from mlperf_home.harness.program import run_program
from mlperf_home.leaderboard.judge.judge import judge_of

if TYPE_CHECKING:
    from pathlib import Path


def _answer(path: Path) -> None:
    request = read_document(path, JudgeRequest, JUDGING_LIMITS)
    write_document(path.with_name(ANSWER_FILE), judge_of(request.crowd).judge(request))


if __name__ == "__main__":
    sys.exit(run_program("mlperf_home.leaderboard.judge", "judge a board", "--request", _answer))
