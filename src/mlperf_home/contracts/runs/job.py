"""Jobs: the requested LoadGen runs, one JSON file each, decoded and checked before anything starts.

A compliance test is a performance run with an audit.config, which LoadGen reads after the other conf files.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mlperf_home.contracts.codec import Document, decode
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import Count
from mlperf_home.rules import UnknownRoundError, load_round
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Seeds

Scenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
Mode = Literal["performance", "accuracy", "find-performance", "TEST01", "TEST04", "TEST05"]
"""LoadGen's modes and the compliance tests, which are performance runs."""
TESTS = ("TEST01", "TEST04", "TEST05")
"""The compliance tests: TEST01 logs outputs of a performance run, TEST04 repeats a sample, TEST05 has its seeds."""

_LOGS_OUTPUTS = {"accuracy", "TEST01"}
_PERFORMANCE_MODE = 2
_Text = Annotated[str, Meta(min_length=1)]
_Seconds = Annotated[float, Meta(gt=0)]
_Counts = Annotated[tuple[Count, ...], Meta(min_length=1)]
_rules = cache(load_round)


class BackendChoice(Document):
    """The engine, its model, and the requested shapes; None leaves a choice to calibration."""

    name: _Text
    model_path: Path
    options: Mapping[str, Any] = {}
    lengths: _Counts | None = None
    batch_sizes: _Counts | None = None
    streams: Count | None = None
    cores: Count | None = None


class DatasetChoice(Document):
    """A preprocessed dataset, and the part of it to use.

    Attributes:
        first: the number of samples to use, or None for all.
        after: the number of samples to skip before them.
    """

    kind: _Text
    path: Path
    first: Count | None = None
    after: Annotated[int, Meta(ge=0)] = 0


class JobOptions(Document):
    """The options that all runs of one result share.

    Attributes:
        round: the round's name.
        work_dir: an existing folder for derived files of the engine.
        calibration_path: the file of stored calibrations, which is read and extended.
        stall_timeout_s: the longest time in seconds without a completed sample.
        sample: whether the run uses sample data; all its results are marked accordingly.
        time_limit_s: the time limit in seconds for opening, calibration and LoadGen together; None for no limit.
        calibration_s: the time in seconds for a calibration.
        recalibrate_since: kept calibrations from before this date are made anew; None for no date.
        same_calibration: whether a kept calibration is used even if it is doubtful: a study must not change its grids.
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
    calibration_s: _Seconds = 60.0
    recalibrate_since: str | None = None
    same_calibration: bool = False

    @property
    def rules(self) -> Round:
        """The round's rules."""
        return _rules(self.round)


class Job(JobOptions):
    """One LoadGen run.

    Attributes:
        loadgen_model: the model's name in the conf files ("bert" for the benchmark "bert-99").
        out_dir: the folder for LoadGen's logs; it must not exist, and is created when the run is complete.
        session_path: the file for the session, which describes the complete run.
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
        """The folder that keeps the logs of a run with LoadGen errors."""
        return self.out_dir.with_name(self.out_dir.name + ".rejected")

    @property
    def partial_session_path(self) -> Path:
        """The path of the session until the logs are published."""
        return self.session_path.with_name(self.session_path.name + ".partial")

    @property
    def error_path(self) -> Path:
        """The JSON file with the reason of a failure; absent after a complete run."""
        return self.session_path.with_name(self.session_path.stem + ".error.json")


def job_of(options: JobOptions, mode: Mode, out_dir: Path, session_path: Path) -> Job:
    """Return the job of one run."""
    return Job(
        **msgspec.structs.asdict(options),
        loadgen_model=options.rules.benchmarks[options.benchmark].loadgen_model,
        mode=mode,
        out_dir=out_dir,
        session_path=session_path,
    )


def read_job(path: Path) -> Job:
    """Read a job file; its relative paths are relative to the working directory.

    Raises:
        HarnessError: the file is absent or malformed; the message names the key.
    """
    try:
        document = read_json(path)
    except DocumentError as error:
        raise HarnessError(ExitStatus.BAD_JOB, str(error)) from None
    return decode_job(document, str(path))


def decode_job(document: Any, where: str = "job") -> Job:
    """Decode a job from JSON values; `where` names it in error messages.

    Raises:
        HarnessError: a key is missing, unknown or has a wrong value.
    """
    try:
        job = decode(document, Job, where)
    except DocumentError as error:
        raise HarnessError(ExitStatus.BAD_JOB, str(error)) from None
    return _checked(job, where)


def _checked(job: Job, where: str) -> Job:
    """Return the job if it is consistent and fits its round; raise HarnessError otherwise."""
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
    if job.mode in TESTS and job.mode not in rules.submission.compliance:
        tests = ", ".join(rules.submission.compliance)
        raise _refusal(where, "mode", f"{job.mode} is no compliance test of {rules.name}, which has {tests}")
    if lengths is not None and list(lengths) != sorted(set(lengths)):
        raise _refusal(where, "backend/lengths", f"must be ascending without repetition, got {list(lengths)}")
    if lengths and batch_sizes and len(batch_sizes) not in (1, len(lengths)):
        problem = f"must have one entry, or one for each of the {len(lengths)} lengths, got {list(batch_sizes)}"
        raise _refusal(where, "backend/batch_sizes", problem)
    if job.dataset.after and not job.dataset.first:
        raise _refusal(where, "dataset/after", "needs dataset/first, the number of samples to use")
    return job


def _refusal(where: str, key: str, problem: str) -> HarnessError:
    return HarnessError(ExitStatus.BAD_JOB, str(DocumentError(where, f"/{key}", problem)))


def logs_outputs(mode: str) -> bool:
    """Whether LoadGen logs the samples' outputs in this mode."""
    return mode in _LOGS_OUTPUTS


def run_seeds(rules: Round, mode: str) -> Seeds:
    """Return the seeds of a run; TEST05 has its own, since LoadGen 6.0.17 reads none from an audit.config."""
    return rules.test05_seeds if mode == "TEST05" and rules.test05_seeds else rules.seeds


def audit_text(rules: Round, test: str) -> str:
    """Return the audit.config of a compliance test, "" if it has none.

    Source: compliance/nvidia in mlcommons/inference.
    """
    audit = rules.submission.compliance[test].audit
    values = {"mode": _PERFORMANCE_MODE, **audit} if audit else {}
    return "".join(f"*.*.{key} = {value}\n" for key, value in values.items())


@contextmanager
def audit_config(rules: Round, mode: str, out_dir: Path) -> Iterator[Path]:
    """Write a compliance test's audit.config and yield its path; the path is absent for other modes.

    LoadGen reads this path, so that a stray file in the working directory changes no run.
    """
    path = out_dir.with_name(f"{out_dir.name}.audit.config")
    if text := audit_text(rules, mode) if mode in TESTS else "":
        path.write_text(text, encoding="utf-8")
    try:
        yield path
    finally:
        if text:
            path.unlink(missing_ok=True)
