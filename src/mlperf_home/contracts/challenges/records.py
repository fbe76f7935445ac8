"""The parts of a run's `record.json` that challenges read; the engine writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlperf_home.contracts.codec import OpenDocument
from scriptgraph.files.json_reader import Limits

RECORD_LIMITS = Limits(size=32 << 20, depth=64, values=1_000_000)
"""A sweep of 81 models plans some 1,000 steps with an environment each."""


class RecordedRequest(OpenDocument):
    """The request of a run: tags, inputs by name, and environment."""

    tags: str
    inputs: Mapping[str, Any]
    env: Mapping[str, Any]


class RecordedStep(OpenDocument):
    """A step of the plan: its version ("" without one), and the SHA-256 of its manifest."""

    title: str
    version: str
    manifest: str


class RunRecord(OpenDocument):
    """A run: its request and its plan; status and times as the engine stored them.

    Attributes:
        plan: empty if the run ended before there was a plan.
        start_ns, end_ns: Unix time in nanoseconds.
    """

    request: RecordedRequest
    plan: tuple[RecordedStep, ...] = ()
    status: str
    start_ns: int
    end_ns: int


class StepExports(OpenDocument):
    """What a step exported."""

    exports: Mapping[str, Any] = {}


class RunExports(OpenDocument):
    """The exports of a run's steps, in their order."""

    steps: tuple[StepExports, ...]
