"""The document that the harness writes for a complete run, and its agreement with the logs beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlperf_home.contracts.codec import OpenDocument, read_document
from mlperf_home.contracts.grids import Calibration, Grid, GridOrigin
from mlperf_home.contracts.readings import Noise, Reading
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError

_BLOCK_BYTES = 1 << 20


class JobEcho(OpenDocument):
    """The job as it was given, without its output folders."""

    round: str
    benchmark: str
    loadgen_model: str
    scenario: str
    mode: str
    backend: str
    model_path: str
    options: Mapping[str, Any]
    cores: int | None
    lengths: tuple[int, ...] | None
    batch_sizes: tuple[int, ...] | None
    streams: int | None
    dataset_kind: str
    dataset_path: str
    user_conf: str
    stall_timeout_s: float


class EngineFacts(OpenDocument):
    """The open engine: its name, version, facts by name, and sentences that the user has to see."""

    name: str
    version: str
    details: Mapping[str, Any]
    warnings: tuple[str, ...]


class ModelFile(OpenDocument):
    """The model's file; `reason` says why its hash is unknown."""

    path: str
    sha256: str | None
    reason: str | None


class RunGrid(OpenDocument):
    """The grid of a run, its origin, and what its streams were ("caller", "threads", "processes")."""

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    streams: int
    origin: GridOrigin
    streams_as: str

    @property
    def grid(self) -> Grid:
        """The grid alone."""
        return Grid(self.lengths, self.batch_sizes, self.streams)


class DatasetFacts(OpenDocument):
    """The dataset: its name, the hashes of what it was made of, its sizes, and how it was made."""

    name: str
    identity: Mapping[str, str]
    count: int
    performance_count: int
    made: Mapping[str, Any] = {}


class LoadGenFacts(OpenDocument):
    """LoadGen: its version as installed and as it logged it, the settings in effect, and its warnings."""

    version: str | None
    logged_version: str | None
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]


class Verdict(OpenDocument):
    """LoadGen's verdict (None: there is none in this mode), and its reasons."""

    validity: Literal["VALID", "INVALID"] | None
    reasons: tuple[str, ...]


class Counts(OpenDocument):
    """How much was issued and completed."""

    queries: int
    samples_issued: int
    samples_completed: int
    batches: int


class Times(OpenDocument):
    """When the run began, and the seconds of its two parts."""

    started_utc: str
    open_s: float
    run_s: float


class HostState(OpenDocument):
    """The load, affinity and quota of the process before the run; a reason stands where there is no quota."""

    load_average_1min_before: float
    affinity_cpus: tuple[int, ...]
    cgroup_cpu_quota: float | None
    cgroup_cpu_quota_reason: str | None


class LogFile(OpenDocument):
    """A log of LoadGen."""

    sha256: str
    bytes: int


class Session(OpenDocument):
    """A complete run.

    Attributes:
        sample: whether model or dataset are sample data; `sample_note` says which.
        calibration: the measurement that chose the grid, then or now; None without one.
        target: the target that a find-performance run measured, by name with unit.
        state: what the machine told before and after the timed section, by name with unit.
        noise: None for an accuracy run, and where nothing was timed.
        attempts: the noise of each run, where noise made the harness repeat it.
        logs: LoadGen's logs by file name.
    """

    schema: Literal[1] = 1
    status: Literal["complete"] = "complete"
    job: JobEcho
    sample: bool
    sample_note: str
    engine: EngineFacts
    model: ModelFile
    grid: RunGrid
    calibration: Calibration | None
    dataset: DatasetFacts
    loadgen: LoadGenFacts
    result: Verdict
    target: Mapping[str, float] | None = None
    counts: Counts
    times: Times
    peak_memory_bytes: int
    host: HostState
    state: Mapping[str, Reading] = {}
    noise: Noise | None = None
    warnings: tuple[str, ...]
    logs: Mapping[str, LogFile]
    attempts: tuple[Noise, ...] = ()


class IngestError(LocatedError):
    """A result's folder is incomplete, or mixed from different runs: it is no measurement."""


def read_session(path: Path) -> Session:
    """Read a session; raise IngestError if it is absent, or is not the session of a complete run."""
    try:
        return read_document(path, Session)
    except DocumentError as error:
        if isinstance(error.__cause__, OSError):
            problem = f"{error.problem}: the run was not completed"
        else:
            place = f" at {error.pointer}" if error.pointer else ""
            problem = f"is not the session of a complete run ({error.problem}{place})"
        raise IngestError(path, problem, "run the benchmark again") from None


def check_logs(session: Session, folder: Path, truncated_sha256: str | None = None) -> None:
    """Raise IngestError if one of the session's logs is absent from `folder`, or is another run's.

    `truncated_sha256` is the hash that accuracy.txt keeps of the log that was truncated for the submission.
    """
    for name, expected in session.logs.items():
        path = folder / name
        try:
            found = sha256_of(path)
        except OSError as error:
            raise IngestError(path, f"cannot be read ({error.strerror})", "run the benchmark again") from None
        if expected.sha256 not in (found, truncated_sha256 if name == "mlperf_log_accuracy.json" else found):
            problem = "is not the log that the session was written with: changed, or from another run"
            raise IngestError(path, problem, "run the benchmark again")


def sha256_of(path: Path) -> str:
    """Hash a file, block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_same_setup(performance: Session, accuracy: Session, folder: Path) -> None:
    """Raise IngestError, which names the difference, if the two runs did not measure the same thing in the same way."""
    for name, one, other in zip(_SETUP, _setup(performance), _setup(accuracy), strict=True):
        if one != other:
            problem = f"the performance run and the accuracy run differ in {name} ({one!r}, {other!r})"
            raise IngestError(folder, problem, "run both again with the same options")
    if performance.sample != accuracy.sample:
        raise IngestError(folder, "one of the two runs is of sample data", "run both again with the same options")


_SETUP = (
    "round", "benchmark", "scenario", "backend", "model's sha256", "engine's version", "dataset's name",
    "dataset's count", "dataset's identity", "dataset's preparation",
)  # fmt: skip


def _setup(session: Session) -> tuple[Any, ...]:
    """Return what a performance run and its accuracy run have in common, as `_SETUP` names it."""
    job, dataset = session.job, session.dataset
    return (
        *(job.round, job.benchmark, job.scenario, job.backend),
        *(session.model.sha256, session.engine.version),
        *(dataset.name, dataset.count, dataset.identity, dataset.made),
    )
