"""A run as it is asked for: one JSON file, decoded and checked before anything starts.

Compliance tests are performance runs under an audit.config, which LoadGen reads beside the other conf files.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from mlperf_home.contracts.codec import Document, decode, read_document
from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.contracts.grids import Count
from mlperf_home.rules import UnknownRoundError, load_round
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Seeds

Scenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
Mode = Literal["performance", "accuracy", "find-performance", "TEST01", "TEST05"]
MODES: tuple[str, ...] = get_args(Mode)
"""What a run measures; compliance tests are performance runs."""
TESTS = ("TEST01", "TEST05")
"""Those that a run can be: TEST01 logs some outputs in a performance run, TEST05 has other seeds."""

_LOGS_OUTPUTS = {"accuracy", "TEST01"}
_PERFORMANCE_MODE = 2
_Text = Annotated[str, Meta(min_length=1)]
_Seconds = Annotated[float, Meta(gt=0)]
_Counts = Annotated[tuple[Count, ...], Meta(min_length=1)]
_rules = cache(load_round)


class BackendChoice(Document):
    """Which engine runs which model, and the shapes asked for; None leaves a choice to calibration."""

    name: _Text
    model_path: Path
    options: Mapping[str, Any] = {}
    lengths: _Counts | None = None
    batch_sizes: _Counts | None = None
    streams: Count | None = None
    cores: Count | None = None


class DatasetChoice(Document):
    """Which dataset, preprocessed, and where; how many of its samples (None: all), after how many left out."""

    kind: _Text
    path: Path
    first: Count | None = None
    after: Annotated[int, Meta(ge=0)] = 0


class JobOptions(Document):
    """What a job has in common with the other runs of its result.

    Attributes:
        round: the round's name.
        work_dir: an existing folder for derived files of the engine.
        calibration_path: a file of measured grids: one that fits is used, a new one is kept there.
        stall_timeout_s: how long a run may go without completing a sample.
        sample: whether it is a run on sample data, which everything made of it repeats.
        time_limit_s: what opening, calibrating and LoadGen may take together; None: as long as it lasts.
    """

    round: _Text
    benchmark: _Text
    scenario: Scenario
    backend: BackendChoice
    dataset: DatasetChoice
    user_conf: Path
    mlperf_conf: Path
    work_dir: Path
    calibration_path: Path | None
    stall_timeout_s: _Seconds
    sample: bool
    time_limit_s: _Seconds | None = None

    @property
    def rules(self) -> Round:
        """The round's rules."""
        return _rules(self.round)


class Job(JobOptions):
    """One LoadGen run.

    Attributes:
        loadgen_model: the name under which LoadGen reads the conf files ("bert" of the benchmark "bert-99").
        out_dir: the folder of LoadGen's logs; it must not exist, and exists only when they are whole.
        session_path: the file that then describes the run.
    """

    loadgen_model: _Text
    mode: Mode
    out_dir: Path
    session_path: Path

    @property
    def partial_dir(self) -> Path:
        """The folder that LoadGen writes to; it becomes out_dir when the run is complete."""
        return self.out_dir.with_name(self.out_dir.name + ".partial")

    @property
    def rejected_dir(self) -> Path:
        """Where the logs of a run that LoadGen found wrong are kept for reading."""
        return self.out_dir.with_name(self.out_dir.name + ".rejected")

    @property
    def partial_session_path(self) -> Path:
        """Where the session stands until the logs are in place."""
        return self.session_path.with_name(self.session_path.name + ".partial")

    @property
    def error_path(self) -> Path:
        """The JSON file that says why there is no session; absent after a complete run."""
        return self.session_path.with_name(self.session_path.stem + ".error.json")


def job_of(options: JobOptions, mode: Mode, out_dir: Path, session_path: Path) -> Job:
    """Complete the options for one run."""
    return Job(
        **msgspec.structs.asdict(options),
        loadgen_model=options.rules.benchmarks[options.benchmark].loadgen_model,
        mode=mode,
        out_dir=out_dir,
        session_path=session_path,
    )


def read_job(path: Path) -> Job:
    """Decode a job file; relative paths in it are relative to the working directory.

    Raise HarnessError, which names the key, if the file is absent or malformed.
    """
    try:
        job = read_document(path, Job)
    except DocumentError as error:
        raise HarnessError(ExitStatus.BAD_JOB, str(error)) from None
    return _checked(job, str(path))


def decode_job(document: Any, where: str = "job") -> Job:
    """Decode a job that is already a JSON value; `where` begins every message.

    Raise HarnessError if a key is missing, unknown or of the wrong form.
    """
    try:
        job = decode(document, Job, where)
    except DocumentError as error:
        raise HarnessError(ExitStatus.BAD_JOB, str(error)) from None
    return _checked(job, where)


def _checked(job: Job, where: str) -> Job:
    """Return the job if its parts fit each other and the round."""
    lengths, batch_sizes = job.backend.lengths, job.backend.batch_sizes
    try:
        rules = job.rules
    except UnknownRoundError as error:
        raise _refusal(where, "round", str(error)) from None
    for key, value, known in (
        ("benchmark", job.benchmark, rules.benchmarks),
        ("loadgen_model", job.loadgen_model, rules.loadgen_models),
    ):
        if value not in known:
            raise _refusal(where, key, f"must be one of {', '.join(known)}, got {value!r}")
    if lengths is not None and list(lengths) != sorted(set(lengths)):
        raise _refusal(where, "backend/lengths", f"must be ascending without repetition, got {list(lengths)}")
    if lengths and batch_sizes and len(batch_sizes) not in (1, len(lengths)):
        problem = f"must have one entry, or one for each of the {len(lengths)} lengths, got {list(batch_sizes)}"
        raise _refusal(where, "backend/batch_sizes", problem)
    if job.dataset.after and not job.dataset.first:
        raise _refusal(where, "dataset/after", "needs first: how many samples after them")
    return job


def _refusal(where: str, key: str, problem: str) -> HarnessError:
    return HarnessError(ExitStatus.BAD_JOB, str(DocumentError(where, f"/{key}", problem)))


def logs_outputs(mode: str) -> bool:
    """Whether LoadGen is to be given the samples' outputs in this mode."""
    return mode in _LOGS_OUTPUTS


def run_seeds(rules: Round, mode: str) -> Seeds:
    """Return the seeds of a run: TEST05 is a run with others (LoadGen 6.0.17 takes none from an audit.config)."""
    return rules.test05_seeds if mode == "TEST05" else rules.seeds


def audit_text(rules: Round, test: str) -> str:
    """Write the audit.config of a test (source: compliance/nvidia of mlcommons/inference); "" where it needs none."""
    audit = rules.submission.compliance[test].audit
    values = {"mode": _PERFORMANCE_MODE, **audit} if audit else {}
    return "".join(f"*.*.{key} = {value}\n" for key, value in values.items())


@contextmanager
def audit_config(rules: Round, mode: str, out_dir: Path) -> Iterator[Path]:
    """Yield the path at which LoadGen looks for an audit.config: the test's file, or no file at all.

    It is never the working directory's: a stray file there changes no run.
    """
    path = out_dir.with_name(f"{out_dir.name}.audit.config")
    if text := audit_text(rules, mode) if mode in TESTS else "":
        path.write_text(text, encoding="utf-8")
    try:
        yield path
    finally:
        if text:
            path.unlink(missing_ok=True)
