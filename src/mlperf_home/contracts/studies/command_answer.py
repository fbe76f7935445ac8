"""The part of a command's JSON answer that a grid reads."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.contracts.codec import OpenDocument
from scriptgraph.files.json_reader import Limits

ANSWER_LIMITS = Limits(size=16 << 20, depth=64, values=500_000)
"""Limits for an answer that repeats the environment at the end of a run."""


class CommandAnswer(OpenDocument):
    """A command's answer: the error of a failure, and the record of the run, if there is one."""

    error: str = ""
    record: Path | None = None
