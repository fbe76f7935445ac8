"""Sessions, the documents that describe complete runs, and checks that they belong to their logs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlperf_home.contracts.codec import OpenDocument, read_document
from mlperf_home.contracts.container import ContainerFacts
from mlperf_home.contracts.runs.grids import Calibration, Grid, GridOrigin
from mlperf_home.contracts.runs.readings import Noise, Reading
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError

_BLOCK_BYTES = 1 << 20


class JobEcho(OpenDocument):
    """The job of the run, without its output paths."""

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
    """The open engine: its name, its version, details by name, and warnings for the user."""

    name: str
    version: str
    details: Mapping[str, Any]
    warnings: tuple[str, ...]


class ModelFile(OpenDocument):
    """The model's file and its SHA-256, or the reason why that is unknown.

    Attributes:
        files: the SHA-256 of each other file that the model consists of, such as weights beside it, by the name in the
            model; None in sessions of 0.1, which do not tell.
    """

    path: str
    sha256: str | None
    reason: str | None
    files: Mapping[str, str] | None = None

    @property
    def content_sha256(self) -> str | None:
        """One hash for all files: that of the only file, otherwise a hash of the names and hashes."""
        if not self.files:
            return self.sha256
        lines = (f"{digest} {name}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256("".join((f"{self.sha256}\n", *lines)).encode(errors="surrogateescape")).hexdigest()


class InputFile(OpenDocument):
    """A file that the engine was given besides the model, such as a delegate's library, and its SHA-256."""

    path: str
    sha256: str


class RunGrid(OpenDocument):
    """The grid of a run, its origin, and the kind of its streams ("caller", "threads", "processes")."""

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    streams: int
    origin: GridOrigin
    streams_as: str

    @property
    def grid(self) -> Grid:
        """The grid without origin and kind of streams."""
        return Grid(self.lengths, self.batch_sizes, self.streams)


class DatasetFacts(OpenDocument):
    """The dataset: its name, the hashes of its sources, its sample counts, and its preparation."""

    name: str
    identity: Mapping[str, str]
    count: int
    performance_count: int
    made: Mapping[str, Any] = {}


def dataset_text(name: str, count: int) -> str:
    """Return a dataset in words: accuracies on other samples of it are not comparable."""
    return f"{name}, {count} samples"


class LoadGenFacts(OpenDocument):
    """LoadGen: its installed and its logged version, the effective settings, and its warnings."""

    version: str | None
    logged_version: str | None
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]


class Verdict(OpenDocument):
    """LoadGen's verdict, None in a mode without one, and the reasons of an INVALID run."""

    validity: Literal["VALID", "INVALID"] | None
    reasons: tuple[str, ...]


class Counts(OpenDocument):
    """The numbers of issued and completed queries, samples and batches."""

    queries: int
    samples_issued: int
    samples_completed: int
    batches: int


class Times(OpenDocument):
    """The start of the run, and the seconds spent opening the engine and running LoadGen."""

    started_utc: str
    open_s: float
    run_s: float


class HostState(OpenDocument):
    """The machine's load, and the affinity, cores and CPU quota of the process, before the run.

    Attributes:
        core_kinds: the number of usable cores of each kind of a hybrid processor; empty where all are of one kind.
        container: the container that the process runs in; None outside, and in older sessions.
    """

    load_average_1min_before: float
    affinity_cpus: tuple[int, ...]
    cgroup_cpu_quota: float | None
    cgroup_cpu_quota_reason: str | None
    core_kinds: Mapping[str, int] = {}
    container: ContainerFacts | None = None


class LogFile(OpenDocument):
    """The hash and the size of a LoadGen log."""

    sha256: str
    bytes: int


class Session(OpenDocument):
    """A complete run.

    Attributes:
        sample: whether the model or the dataset is sample data.
        sample_note: the description of the sample data.
        calibration: the calibration that chose the grid, or None.
        target: the target measured by a find-performance run, by name with unit.
        state: sensor readings before and after the timed section, by name with unit.
        noise: the noise of the run; None for an accuracy run, and if nothing was timed.
        attempts: the noise of each run, if the run was repeated because of noise.
        logs: LoadGen's logs by file name.
        inputs: the files that the engine was given besides the model, by file name; None in sessions of 0.1, which do
            not tell.
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
    inputs: Mapping[str, InputFile] | None = None


class IngestError(LocatedError):
    """The folder of a result is incomplete or mixes different runs, so it gives no measurement."""


def read_session(path: Path) -> Session:
    """Read a session.

    Raises:
        IngestError: the file is absent or is not the session of a complete run.
    """
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
    """Check that `folder` holds the logs of the session.

    Args:
        session: the session of the run.
        folder: the folder of LoadGen's logs.
        truncated_sha256: the hash, from accuracy.txt, of an accuracy log that was truncated for a submission.

    Raises:
        IngestError: a log is absent or belongs to another run.
    """
    for name, expected in session.logs.items():
        path = folder / name
        try:
            digest = sha256_of(path)
        except OSError as error:
            raise IngestError(path, f"cannot be read ({error.strerror})", "run the benchmark again") from None
        if expected.sha256 not in (digest, truncated_sha256 if name == "mlperf_log_accuracy.json" else digest):
            problem = "does not match the session: the log was changed or belongs to another run"
            raise IngestError(path, problem, "run the benchmark again")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_same_setup(first: Session, second: Session, folder: Path) -> None:
    """Raise IngestError, which names the difference, if the setups of two runs differ.

    A fact that one of the sessions does not tell (older versions wrote fewer) is not compared.
    """
    runs = f"the {first.job.mode} run and the {second.job.mode} run"
    for name, value, other in zip(_SETUP, _setup(first), _setup(second), strict=True):
        if value != other:
            problem = f"{runs} differ in {name} ({value!r}, {other!r})"
            raise IngestError(folder, problem, "run both again with the same options")
    for name, value, other in zip(_INPUTS, _inputs(first), _inputs(second), strict=True):
        if value is not None and other is not None and value != other:
            changed = ", ".join(different(value, other))
            raise IngestError(folder, f"{runs} differ in {name}: {changed}", "run both again with the same files")
    if first.sample != second.sample:
        raise IngestError(folder, "one of the two runs used sample data", "run both again with the same options")


def different(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys, sorted, under which two mappings differ."""
    return sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))


_SETUP = (
    "round", "benchmark", "scenario", "backend", "model's sha256", "engine's version", "dataset's name",
    "dataset's count", "dataset's identity", "dataset's preparation",
)  # fmt: skip
_INPUTS = ("the model's files", "the files that the engine was given", "the model's outputs")


def _setup(session: Session) -> tuple[Any, ...]:
    """Return the values that two runs of one result share, in the order of `_SETUP`."""
    job, dataset = session.job, session.dataset
    return (
        *(job.round, job.benchmark, job.scenario, job.backend),
        *(session.model.sha256, session.engine.version),
        *(dataset.name, dataset.count, dataset.identity, dataset.made),
    )


def _inputs(session: Session) -> tuple[Mapping[str, Any] | None, ...]:
    """Return the values that two runs of one result share if both tell them, in the order of `_INPUTS`."""
    inputs, outputs = session.inputs, session.engine.details.get("outputs")
    given = None if inputs is None else {name: file.sha256 for name, file in inputs.items()}
    named = dict(zip(("start", "end"), outputs, strict=False)) if isinstance(outputs, list | tuple) else None
    return session.model.files, given, named
