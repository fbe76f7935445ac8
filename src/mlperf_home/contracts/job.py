"""A run as it is asked for: one JSON file, decoded and checked before anything starts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.compliance_tests import TESTS
from mlperf_home.contracts.fields import Fields
from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.rules import Round

MODES = ("performance", "accuracy", "find-performance", *TESTS)
"""What a run measures; compliance tests are performance runs."""


@dataclass(frozen=True)
class BackendChoice:
    """Which engine runs which model, and the shapes asked for; None leaves a choice to calibration."""

    name: str
    model_path: Path
    options: Mapping[str, Any]
    lengths: tuple[int, ...] | None
    batch_sizes: tuple[int, ...] | None
    streams: int | None
    cores: int | None


@dataclass(frozen=True)
class DatasetChoice:
    """Which dataset, preprocessed, and where; how many of its samples (None: all), after how many left out."""

    kind: str
    path: Path
    first: int | None = None
    after: int = 0


@dataclass(frozen=True)
class Job:
    """One LoadGen run.

    Attributes:
        rules: the round's rules.
        benchmark: the benchmark's name in the round ("bert-99").
        loadgen_model: the name under which LoadGen reads the conf files ("bert").
        scenario: SingleStream, MultiStream, Server or Offline.
        mode: one of MODES.
        backend: the engine and its shapes.
        dataset: the samples.
        user_conf: the file with this system's target and counts.
        mlperf_conf: the round's file.
        work_dir: an existing folder for derived files of the engine.
        out_dir: where LoadGen's logs go; it must not exist, and exists only when they are whole.
        session_path: the JSON file that describes the finished run.
        calibration_path: a JSON file with a measured grid, used when it fits and written otherwise; or None.
        stall_timeout_s: how long a run may go without completing a sample.
        sample: whether this is a run on sample data, which everything made of it repeats.
        time_limit_s: what opening, calibrating and LoadGen may take together; None: as long as it lasts.
    """

    rules: Round
    benchmark: str
    loadgen_model: str
    scenario: str
    mode: str
    backend: BackendChoice
    dataset: DatasetChoice
    user_conf: Path
    mlperf_conf: Path
    work_dir: Path
    out_dir: Path
    session_path: Path
    calibration_path: Path | None
    stall_timeout_s: float
    sample: bool
    time_limit_s: float | None = None

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


def read_job(path: Path) -> Job:
    """Decode a job file; relative paths in it are relative to the working directory.

    Raise HarnessError, which names the key, if the file is absent or malformed.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Fields.refusal(str(path), f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise Fields.refusal(str(path), f"is not JSON ({error})") from None
    return decode_job(document, where=str(path))


def decode_job(document: Any, where: str = "job") -> Job:
    """Decode a job that is already a JSON value; `where` begins every message.

    Raise HarnessError if a key is missing, unknown or of the wrong form.
    """
    fields = Fields(document, where)
    try:
        rules = load_round(fields.text("round"))
    except UnknownRoundError as error:
        raise fields.wrong("round", str(error)) from None
    job = Job(
        rules=rules,
        benchmark=fields.choice("benchmark", tuple(rules.benchmarks)),
        loadgen_model=fields.choice("loadgen_model", tuple(rules.loadgen_models)),
        scenario=fields.choice("scenario", SCENARIOS),
        mode=fields.choice("mode", MODES),
        backend=_backend(Fields(fields.take("backend"), f"{where}: backend")),
        dataset=_dataset(Fields(fields.take("dataset"), f"{where}: dataset")),
        user_conf=fields.path("user_conf"),
        mlperf_conf=fields.path("mlperf_conf"),
        work_dir=fields.path("work_dir"),
        out_dir=fields.path("out_dir"),
        session_path=fields.path("session_path"),
        calibration_path=fields.optional_path("calibration_path"),
        stall_timeout_s=fields.positive_number("stall_timeout_s"),
        sample=fields.boolean("sample"),
        time_limit_s=fields.positive_number("time_limit_s") if fields.has("time_limit_s") else None,
    )
    fields.end()
    return job


def _backend(fields: Fields) -> BackendChoice:
    choice = BackendChoice(
        name=fields.text("name"),
        model_path=fields.path("model_path"),
        options=fields.mapping("options"),
        lengths=fields.optional_counts("lengths"),
        batch_sizes=fields.optional_counts("batch_sizes"),
        streams=fields.optional_count("streams"),
        cores=fields.optional_count("cores"),
    )
    fields.end()
    if choice.lengths is not None and list(choice.lengths) != sorted(set(choice.lengths)):
        raise fields.wrong("lengths", f"must be ascending without repetition, got {list(choice.lengths)}")
    if choice.lengths and choice.batch_sizes and len(choice.batch_sizes) not in (1, len(choice.lengths)):
        problem = f"must have one entry, or one for each of the {len(choice.lengths)} lengths"
        raise fields.wrong("batch_sizes", f"{problem}, got {list(choice.batch_sizes)}")
    return choice


def _dataset(fields: Fields) -> DatasetChoice:
    kind, path = fields.text("kind"), fields.path("path")
    first, after = (fields.optional_count(key) if fields.has(key) else None for key in ("first", "after"))
    if after and not first:
        raise fields.wrong("after", "needs first: how many samples after them")
    choice = DatasetChoice(kind, path, first, after or 0)
    fields.end()
    return choice
