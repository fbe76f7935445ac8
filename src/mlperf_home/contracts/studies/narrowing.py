"""The narrowing of a race without a dataset: the request for a stage, and the document with its result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from mlperf_home.contracts.codec import Document, OpenDocument, read_document
from mlperf_home.contracts.studies.estimate import CopiedAccuracy
from mlperf_home.contracts.studies.study import PLAN_LIMITS, LeftOutModel, StudyPlan

NARROWING_FILE = "narrowing.json"
"""The name of the document in the folder of an exploration."""

STAGES = 3
"""The stages of probes: of the most telling models, of the likely front, of all that are left."""


class NarrowingRequest(OpenDocument):
    """A stage of narrowing.

    Attributes:
        study: the space, all models fetched so far, their engines, and the folder of the exploration.
        accuracies: by model of the space, copied.
        results: the name of the shipped results to learn from.
        runtime: the engine's runtime class.
        rounds: the number of probes of each model.
        probe_s: the length of a probe in seconds.
        stage: its number, from 1.
    """

    study: StudyPlan
    accuracies: Mapping[str, CopiedAccuracy]
    results: str
    runtime: str
    rounds: int
    probe_s: float
    stage: int


class NarrowingDocument(Document):
    """What stages of narrowing found so far.

    Attributes:
        following: the models to fetch next: for the next stage or, after the last, for the race.
        measured: the latencies of probed models, in milliseconds.
        left_out: the models that the race leaves out.
        absent: the reason for each model that could not be fetched.
        spent_s: seconds of measuring.
        warnings: sentences to show with the answer.
    """

    schema: Literal[1]
    stage: int
    following: tuple[str, ...]
    measured: Mapping[str, float]
    left_out: Mapping[str, LeftOutModel]
    absent: Mapping[str, str]
    spent_s: float
    warnings: tuple[str, ...]


def read_narrowing_request(path: Path) -> NarrowingRequest:
    """Read a request. Raise DocumentError if it cannot be read, or is not a request."""
    return read_document(path, NarrowingRequest, PLAN_LIMITS)


def read_narrowing(path: Path) -> NarrowingDocument:
    """Read the document. Raise DocumentError if it cannot be read, or is none."""
    return read_document(path, NarrowingDocument, PLAN_LIMITS)
