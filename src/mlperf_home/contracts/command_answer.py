"""The answer that a command of ours prints in JSON, as far as a grid reads it."""

from __future__ import annotations

from pathlib import Path

from mlperf_home.contracts.codec import OpenDocument
from scriptgraph.files.json_reader import Limits

ANSWER_LIMITS = Limits(size=16 << 20, depth=64, values=500_000)
"""An answer repeats the environment that a run ends with."""


class CommandAnswer(OpenDocument):
    """What a command answered: why it failed, and the record of its run, where it keeps one."""

    error: str = ""
    record: Path | None = None
