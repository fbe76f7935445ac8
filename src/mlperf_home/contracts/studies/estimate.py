"""An estimate of one machine's latencies: the request for it, and the document with its result.

`schemas/estimate.schema.json` is generated from these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, OpenDocument, read_document
from mlperf_home.contracts.intervals import Interval
from mlperf_home.contracts.studies.study import PLAN_LIMITS, StudyPlan
from scriptgraph.files.json_reader import Limits

ESTIMATE_LIMITS = Limits(size=4 << 20, depth=8, values=100_000)
ESTIMATE_FILE = "estimate.json"
"""The name of an estimate in its folder."""

FEWEST_MEASURED = 3
"""The fewest measured models that an estimate is made from."""

PROBES = 8
"""The usual number of measured models: more hardly improve the rest."""

Origin = Literal["measured", "predicted"]
EstimatedStanding = Literal["front", "undecided", "dominated"]


class CopiedAccuracy(OpenDocument):
    """A model's accuracy as others published it, and who did; it was not measured here."""

    percent: float
    source: str


class EstimateRequest(OpenDocument):
    """What to measure and to predict.

    Attributes:
        study: the space, the models that are measured, their engine, and the folder of the result.
        accuracies: by model of the space.
        results: the name of the shipped results to learn from.
        sample: whether these are made up, for the embedded sample.
        runtime: the engine's runtime class.
        engine: the engine's name and version, for people.
        cpu: the name of the CPU; empty if the machine does not tell.
        rounds: the number of probes of each measured model.
        probe_s: the length of a probe in seconds.
    """

    study: StudyPlan
    accuracies: Mapping[str, CopiedAccuracy]
    results: str
    sample: bool
    runtime: str
    engine: str
    cpu: str
    rounds: int
    probe_s: float


class ModelEstimate(Document):
    """A model of the space."""

    model: str
    origin: Annotated[Origin, Meta(description="Whether the latency was measured here, or predicted.")]
    latency_ms: Annotated[float, Meta(gt=0, description="The 90th percentile, as in SingleStream.")]
    interval_ms: Annotated[Interval, Meta(description="[low, high] of the latency, at the document's confidence.")]
    accuracy_percent: Annotated[float | None, Meta(description="Copied, not measured; null if nobody published it.")]
    accuracy_source: str
    standing: Annotated[
        EstimatedStanding,
        Meta(description="On the Pareto front with confidence, dominated with confidence, or neither."),
    ]
    dominated_by: Annotated[str | None, Meta(description="For a dominated model: the fastest one that dominates it.")]


class PublishedPosition(Document):
    """The place of one measured latency among published ones of the same model and runtime class."""

    model: str
    latency_ms: float
    systems: Annotated[int, Meta(ge=1, description="The number of published systems.")]
    cpus: Annotated[int, Meta(ge=1, description="The number of their different CPUs.")]
    slower: Annotated[int, Meta(ge=0, description="The number of those systems that are slower than this machine.")]
    next_faster: Annotated[str | None, Meta(description="The CPU of the nearest faster system; null if none is.")]
    next_slower: Annotated[str | None, Meta(description="The CPU of the nearest slower system; null if none is.")]


class EstimateCrowd(Document):
    """The machines that the prediction was learnt from."""

    source: str
    licence: str
    machines: int
    families: Annotated[int, Meta(description="The number of their families of CPU.")]
    runtimes: tuple[str, ...]
    runtime_known: Annotated[
        bool,
        Meta(description="Whether this machine's runtime class is among them; otherwise intervals are wider."),
    ]
    distance: Annotated[
        float,
        Meta(ge=0, description="Mean square distance of the measured latencies from the crowd's; near 1 if alike."),
    ]


class EstimateDocument(Document):
    """Latencies of all models on one machine, from a few that were measured; unofficial."""

    schema: Literal[1]
    name: Annotated[str, Meta(description="The name of the space.")]
    sample: Annotated[bool, Meta(description="Whether models and crowd are the embedded sample's: made up.")]
    system: str
    cpu: Annotated[str, Meta(description="The name of the CPU; empty if the machine does not tell.")]
    engine: str
    runtime: Annotated[str, Meta(description="The runtime class; latencies of different classes are not compared.")]
    confidence: Annotated[float, Meta(gt=0, lt=1, description="The share of latencies that intervals contain.")]
    models: tuple[ModelEstimate, ...]
    positions: tuple[PublishedPosition, ...]
    no_position: Annotated[str, Meta(description="The reason for which there are no positions; empty if there are.")]
    crowd: EstimateCrowd
    spent_s: Annotated[float, Meta(ge=0, description="Seconds of measuring.")]
    warnings: tuple[str, ...]


def read_request(path: Path) -> EstimateRequest:
    """Read a request. Raise DocumentError if it cannot be read, or is not a request."""
    return read_document(path, EstimateRequest, PLAN_LIMITS)


def read_estimate(path: Path) -> EstimateDocument:
    """Read an estimate. Raise DocumentError if it cannot be read, or is not an estimate."""
    return read_document(path, EstimateDocument, ESTIMATE_LIMITS)
