"""Documents between an engine's process and the processes that it starts: trial compiles and streams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.runs.grids import Grid


class TrialOrder(Document):
    """A trial compile: the engine and the setup that the child opens."""

    engine: str
    model_path: Path
    work_dir: Path
    grid: Grid
    cores: int | None
    options: Mapping[str, Any]


class TrialResult(Document):
    """The last line of a child that was not ended by the engine; `error` is None on success."""

    error: str | None


class CompileOutcome(Document):
    """The stored outcome of a trial compile; `failure` is empty on success."""

    failure: str


class StreamFailure(Document):
    """The failure of a stream's process: an error of the engine, or one of ours with its traceback."""

    of_engine: bool
    text: str
    traceback: str = ""
