"""A result of a board: the facts of one measurement that ranking and judging need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mlperf_home.contracts.codec import Document

Kind = Literal["measured", "latency only", "published"]
"""A whole result; one whose accuracy is copied or unknown; or a row that somebody published, without logs."""
LATENCY_ONLY: Kind = "latency only"


class MachineClass(Document):
    """What two machines share if their speeds can be compared; unknown facts are "" or None.

    Attributes:
        cpu: the CPU's model.
        cores: the cores in use.
        runtime: the runtime class; speeds of different classes are never compared.
        version: the runtime's version.
        threads: the threads of one inference.
        governor: the governor of the CPU's frequency.
        confined: the hypervisor or the container.
    """

    cpu: str
    cores: int | None = None
    runtime: str
    version: str = ""
    threads: int | None = None
    governor: str = ""
    confined: str = ""


class AnswerFacts(Document):
    """What tells whether two accuracy runs gave the same answers.

    Attributes:
        dataset: SHA-256 of the labels or questions.
        kind: "class" or "span".
        count: the number of images or questions.
        sha256: of the answers: equal for equal answers.
        sketch: a byte of each of 256 answers, in base64: it tells which share of all is equal.
        arithmetic: SHA-256 of what decides on the last digit of answers; "" if some of it is unknown.
    """

    dataset: str
    kind: str
    count: int
    sha256: str
    sketch: str
    arithmetic: str = ""


class BoardResult(Document):
    """A result.

    Attributes:
        id: its name on the board, which never changes.
        bundle: SHA-256 of the manifest of its bundle; "" for a published row.
        receipt: the number of the bundle's receipt; bundles of one batch share the time, not the number.
        batch: the number of the batch that the bundle was taken with.
        path: its measurement, within the bundle.
        key: fingerprint of the signing key; "" if the bundle is unsigned.
        contributor: the contributor's pseudonym; "" if the bundle is unsigned.
        machine: fingerprint of the machine's facts.
        architecture: the CPU's architecture.
        features: the CPU's features.
        round: the MLPerf round.
        validity: LoadGen's verdict; "" without a performance run.
        official: whether nothing is known that keeps it from being submitted.
        noisy: whether the run was disturbed.
        metrics: numbers by name with unit, such as "latency_ms".
        origins: how each metric is known: measured, inferred or copied; those of older indexes are not recorded.
        logs: SHA-256 of its logs.
        answers: of its accuracy run; None if the bundle has none.
        repeats: SHA-256 of the manifest of the bundle that this one replays; "" if it is no replay.
        runs: the number of attempts that the bundle tells of.
        hours: how long its workflow took; None if the bundle does not tell.
    """

    id: str
    kind: Kind
    bundle: str = ""
    receipt: int = 0
    batch: int = 0
    path: str = ""
    key: str = ""
    contributor: str = ""
    system: str = ""
    machine: str = ""
    architecture: str = ""
    features: tuple[str, ...] = ()
    of: MachineClass
    round: str
    benchmark: str
    scenario: str
    model: str
    sample: bool
    validity: str = ""
    official: bool = False
    noisy: bool = False
    made_utc: str = ""
    metrics: Mapping[str, float]
    origins: Mapping[str, str] = {}
    logs: tuple[str, ...] = ()
    answers: AnswerFacts | None = None
    repeats: str = ""
    runs: int = 1
    hours: float | None = None

    @property
    def speed_ms(self) -> float | None:
        """The metric of speed as a time: milliseconds of a query, or of a sample; None if unknown."""
        if latency := self.metrics.get("latency_ms"):
            return latency
        rate = self.metrics.get("samples_per_second") or self.metrics.get("queries_per_second")
        return 1000 / rate if rate else None
