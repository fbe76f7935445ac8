"""Verify a board's uploads: python -m mlperf_home.leaderboard.service.worker --job F.json; prints its events."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line, read_document
from mlperf_home.contracts.leaderboard.service import SERVICE_JOB_LIMITS, ServiceJob
from mlperf_home.harness.program import run_program
from mlperf_home.leaderboard.service.spool import Spool
from mlperf_home.leaderboard.service.worker.bell import Bell
from mlperf_home.leaderboard.service.worker.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

DATABASE_KEY = "CM_BOARD_DATABASE"
"""The variable with the address of the database: its password belongs in no file."""
_RINGS = 4096


def work(path: Path) -> None:
    """Work until the standard input ends."""
    job = read_document(path, ServiceJob, SERVICE_JOB_LIMITS)
    spool = Spool(job.board, job.waiting_bytes)
    spool.prepare()
    # Without a buffer: the thread that reads must not hold a lock of it when the process ends.
    rings = iter(partial(os.read, sys.stdin.fileno(), _RINGS), b"")
    Worker(job, spool, os.environ.get(DATABASE_KEY, ""), print_line).run(Bell(rings))


if __name__ == "__main__":
    sys.exit(run_program("mlperf_home.leaderboard.service.worker", "verify a board's uploads", "--job", work))
