"""Documents of a challenge's run: `run.json`, how far it is, and `checked.json`, what was found before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

RUN_LIMITS = Limits(size=4 << 20, depth=5, values=20_000)
"""A workflow of 81 models names 81 results."""

CHECK_LIMITS = Limits(size=1 << 20, depth=3, values=20_000)
"""A line for each requirement of each workflow."""


class RunIdentity(Document):
    """What makes two runs of a challenge runs of the same.

    Attributes:
        challenge: its name.
        lock_sha256: of the lock of what is installed here.
        hw_name: the system's name in results.
        options: the challenge's own options; those of earlier commands count where this one gives none.
    """

    challenge: str
    manifest_sha256: str
    lock_sha256: str
    sample: bool
    hw_name: str
    options: Mapping[str, str]


class WorkflowEnding(Document):
    """How a workflow ended: a word, times in ISO 8601, and the measurements, relative to the run's folder."""

    status: str
    error: str = ""
    started_utc: str = ""
    ended_utc: str = ""
    results: tuple[str, ...] = ()


class ChallengeRun(Document):
    """A run: what it is of, and how its workflows ended."""

    schema: Literal["mlperf-home/challenge-run/1"] = "mlperf-home/challenge-run/1"
    asked: RunIdentity
    workflows: Mapping[str, WorkflowEnding]


class Requirement(Document, kw_only=False):
    """One thing that a workflow needs, what is here, and what is missing ("" if nothing)."""

    workflow: str
    wanted: str
    here: str
    missing: str = ""


class Estimate(Document, kw_only=False):
    """The time that a workflow will take, as far as it is known.

    Attributes:
        hours: estimated; None: not known.
        sample_ms: measured by the probe, one sample; None: not measured.
        how: in words: what was measured, what was assumed, or why nothing is known.
    """

    workflow: str
    hours: float | None
    sample_ms: float | None
    how: str

    def __str__(self) -> str:
        hours = "not known" if self.hours is None else f"about {self.hours:.2f} h (estimated)"
        measured = "" if self.sample_ms is None else f"; measured: {self.sample_ms:.4g} ms a sample"
        return f"{hours}{measured}; {self.how}"


class RunCheck(Document):
    """What was found before a run: the requirements that are met, and the time that it will take."""

    required: tuple[Requirement, ...]
    expected: tuple[Estimate, ...]
