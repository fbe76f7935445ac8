"""Documents of a challenge's run: its state (`run.json`), and the checks before it (`checked.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

RUN_LIMITS = Limits(size=4 << 20, depth=5, values=20_000)
"""A workflow of 81 models has 81 results."""

CHECK_LIMITS = Limits(size=1 << 20, depth=3, values=20_000)
"""One entry for each requirement of each workflow."""


class RunIdentity(Document):
    """The identity of a run: commands with an equal identity continue the same run.

    Attributes:
        challenge: the challenge's name.
        lock_sha256: SHA-256 of the installed lock.
        hw_name: the system's name in results.
        options: the challenge's own options; a command keeps earlier ones that it does not set.
    """

    challenge: str
    manifest_sha256: str
    lock_sha256: str
    sample: bool
    hw_name: str
    options: Mapping[str, str]


class WorkflowEnding(Document):
    """The ending of a workflow: status, times in ISO 8601, and measurements, relative to the run's folder.

    `attempts` counts how often the workflow was started in this folder, with the runs that were set aside.
    """

    status: str
    error: str = ""
    started_utc: str = ""
    ended_utc: str = ""
    results: tuple[str, ...] = ()
    attempts: int = 1


class ChallengeRun(Document):
    """A run: its identity, and the endings of its workflows."""

    schema: Literal["mlperf-home/challenge-run/1"] = "mlperf-home/challenge-run/1"
    asked: RunIdentity
    workflows: Mapping[str, WorkflowEnding]


class Requirement(Document, kw_only=False):
    """A requirement of a workflow: the need, the state of this machine, and the lack ("" if met)."""

    workflow: str
    wanted: str
    here: str
    missing: str = ""


class Estimate(Document, kw_only=False):
    """The expected time of a workflow.

    Attributes:
        hours: estimated hours; None: unknown.
        sample_ms: milliseconds per sample, measured by the probe; None: not measured.
        how: the measurement and the assumptions, or the reason why the time is unknown.
    """

    workflow: str
    hours: float | None
    sample_ms: float | None
    how: str

    def __str__(self) -> str:
        hours = "unknown" if self.hours is None else f"about {self.hours:.2f} h (estimated)"
        measured = "" if self.sample_ms is None else f"; measured: {self.sample_ms:.4g} ms per sample"
        return f"{hours}{measured}; {self.how}"


class RunCheck(Document):
    """The checks before a run: requirements, and expected times."""

    required: tuple[Requirement, ...]
    expected: tuple[Estimate, ...]
