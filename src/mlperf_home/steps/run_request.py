"""What a step is asked for, read from its environment: the result's folder, the job, the target."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.runs.job import JobOptions
from mlperf_home.engines.base import BackendError, parse_lengths
from mlperf_home.engines.calibration.budgets import default_budget_s
from mlperf_home.measurements.layout import ResultFolder, ResultsError, result_folder
from mlperf_home.rules import UnknownRoundError, load_round
from scriptgraph.api import Context, StepFailed, failing_on
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.rules import Round

# OpenVINO multiplies floats in bf16 unless fp32 is requested, where the CPU has it.
_FLOAT_TYPES = {"fp32": "f32", "bf16": "bf16"}
_RECORD_STAMP = "%Y%m%dT%H%M%S.%f"


def results_root(context: Context) -> Path:
    """Return the folder of all results."""
    return context.output_path("CM_MLPERF_RESULTS_DIR", context.results_home / "results")


def requested_folder(context: Context) -> ResultFolder:
    """Return the folder of the result that the step's environment describes."""
    place = (
        context.name("CM_SUT_NAME"),
        context.name("CM_ML_MODEL_FULL_NAME"),
        context.text("CM_MLPERF_LOADGEN_SCENARIO"),
    )
    style = context.text("CM_MLPERF_EXECUTION_MODE")
    return result_folder(results_root(context), style, requested_round(context).name, place)


def requested_round(context: Context) -> Round:
    """Return the rules of the round; raise StepFailed if it is unknown."""
    with failing_on(UnknownRoundError):
        return load_round(context.text("CM_MLPERF_ROUND"))


def user_target(context: Context, scenario: str) -> float | None:
    """Return the user's target in samples per second or milliseconds; the scenario's own option takes precedence."""
    unit = "QPS" if scenario in {"Offline", "Server"} else "LATENCY"
    own = context.number(f"CM_MLPERF_{scenario.upper()}_TARGET_{unit}")
    return own if own is not None else context.number(f"CM_MLPERF_TARGET_{unit}")


def read_options(context: Context) -> JobOptions:
    """Read the harness' options from the step's environment.

    Raises:
        ResultsError: the dataset's folder has no preprocessed dataset.
        StepFailed: an option cannot be used.
    """
    batch_size = context.whole("CM_MLPERF_MAX_BATCHSIZE")
    workload = WORKLOADS[context.text("CM_MLPERF_BENCHMARK")]
    dataset = context.existing(workload.dataset_key)
    document = {
        "round": requested_round(context).name,
        "benchmark": context.text("CM_MLPERF_BENCHMARK"),
        "scenario": context.text("CM_MLPERF_LOADGEN_SCENARIO"),
        "backend": {
            "name": context.text("CM_MLPERF_BACKEND"),
            "model_path": str(context.existing("CM_ML_MODEL_FILE_WITH_PATH")),
            "options": run_options(context),
            "lengths": _lengths(context.text("DEEPSPARSE_SEQLENS", "")),
            "batch_sizes": [batch_size] if batch_size else None,
            "streams": context.whole("CM_MLPERF_STREAMS"),
            "cores": context.whole("CM_MLPERF_NUM_THREADS"),
        },
        "dataset": {"kind": workload.kind, "path": str(dataset)},
        "user_conf": str(context.existing("CM_MLPERF_USER_CONF")),
        "mlperf_conf": str(context.existing("CM_MLPERF_CONF")),
        "stall_timeout_s": context.number("CM_MLPERF_STALL_TIMEOUT_S"),
        "calibration_path": context.text("CM_SUT_CALIBRATION_PATH"),
        "sample": bool(workload.facts(dataset).sample_note or context.text("CM_ML_MODEL_SAMPLE", "")),
        "work_dir": str(context.folders.state / "engine-graphs"),
        "time_limit_s": context.number("CM_MLPERF_TIME_LIMIT_S"),
    }
    style, sample = context.text("CM_MLPERF_EXECUTION_MODE", "test"), bool(document["sample"])
    seconds = context.number("CM_MLPERF_CALIBRATION_SECONDS")
    document["calibration_s"] = seconds or default_budget_s(style, sample=sample)
    # All runs of one request share the calibration that the first of them makes.
    document["recalibrate_since"] = request_began_utc(context) if context.flag("CM_MLPERF_RECALIBRATE") else None
    try:
        return decode(document, JobOptions, "the run's options")
    except DocumentError as error:
        raise StepFailed(str(error)) from None


def request_began_utc(context: Context) -> str:
    """Return the date at which the request began; its record is named after it."""
    stamp = context.record.parent.name.partition("-")[0]
    try:
        began = datetime.strptime(stamp, _RECORD_STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        began = datetime.now(timezone.utc)
    return began.isoformat(timespec="seconds")


def harness_python(context: Context) -> tuple[str, ...]:
    """Return the words before the workload's Python, and that Python. Raise StepFailed as `run_prefix` does."""
    return (*run_prefix(context), context.text("CM_MLPERF_LOADGEN_PYTHON"))


def _lengths(text: str) -> list[int] | None:
    try:
        return list(parse_lengths(text)) if text else None
    except BackendError as error:
        raise StepFailed(f"DEEPSPARSE_SEQLENS: {error}") from error


def run_options(context: Context) -> dict[str, Any]:
    """Return the options of the engine of one run, with the type in which it multiplies floats.

    Raises:
        StepFailed: they are not a JSON object, or the engine does not multiply floats in the requested type.
    """
    precision, backend = context.text("CM_MLPERF_PRECISION", ""), context.text("CM_MLPERF_BACKEND")
    if backend == "openvino" and precision in _FLOAT_TYPES:  # the user's options take precedence
        return {"precision": _FLOAT_TYPES[precision], **backend_options(context)}
    if precision == "bf16":
        raise StepFailed(f"--precision=bf16: {backend} multiplies floats in fp32 only; use --backend=openvino")
    return backend_options(context)


def backend_options(context: Context) -> dict[str, Any]:
    """Return the options of the engine. Raise StepFailed if they are not a JSON object."""
    text = context.text("CM_MLPERF_BACKEND_OPTIONS", "{}")
    try:
        options = parse_json(text, "CM_MLPERF_BACKEND_OPTIONS")
    except DocumentError as error:
        raise StepFailed(str(error)) from error
    if not isinstance(options, dict):
        raise StepFailed(f'CM_MLPERF_BACKEND_OPTIONS: {text!r} is not a JSON object; write {{"pinning": "core"}}')
    delegate = context.text("CM_TFLITE_DELEGATE", "")
    if delegate:  # the user's options take precedence
        words = context.text("CM_TFLITE_DELEGATE_OPTIONS", "").split()
        return {"delegate": delegate, "delegate_options": words, **options}
    return options


def run_prefix(context: Context) -> list[str]:
    """Return the words before the workload's Python in its command. Raise StepFailed if they cannot be split."""
    text = context.text("CM_RUN_PREFIX", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise StepFailed(f"CM_RUN_PREFIX: {text!r} is not a command ({error}); close the quotes") from error


@dataclass(frozen=True)
class Workload:
    """The dataset of a benchmark.

    Attributes:
        kind: the kind of the dataset in the harness' job.
        dataset_key: the environment key of the preprocessed folder.
        facts_file: the JSON file that describes the dataset; its "sample_note" is empty for a real dataset.
        identity_keys: the facts that are hashes of the dataset's sources, as in the harness' session.
        made_by: the tags of the script that preprocesses the dataset.
    """

    kind: str
    dataset_key: str
    facts_file: str
    identity_keys: tuple[str, ...]
    made_by: str

    def facts(self, folder: Path) -> PreparedDataset:
        """Read the facts file of a preprocessed folder. Raise ResultsError if it is absent, or lacks a hash."""
        path = folder / self.facts_file
        try:
            facts = read_json(path)
            identity = decode({key: facts.get(key) for key in self.identity_keys}, dict[str, str], path)
        except (DocumentError, AttributeError) as error:
            text = f"{folder}: has no preprocessed dataset ({error}); run {self.made_by}"
            raise ResultsError(text) from error
        return PreparedDataset(str(facts.get("sample_note") or ""), identity)


@dataclass(frozen=True)
class PreparedDataset:
    """A preprocessed dataset: the note on sample data (empty for a real one), and the hashes of its sources."""

    sample_note: str
    identity: Mapping[str, str]


WORKLOADS = {
    "bert-99": Workload(
        kind="squad",
        dataset_key="CM_DATASET_SQUAD_FEATURES_PATH",
        facts_file="features.json",
        identity_keys=("dataset_sha256", "vocab_sha256"),
        made_by="get,dataset,squad,preprocessed",
    ),
    "resnet": Workload(
        kind="imagenet",
        dataset_key="CM_DATASET_PREPROCESSED_PATH",
        facts_file="images.json",
        identity_keys=("list_sha256", "labels_sha256", "pixels_sha256"),
        made_by="get,dataset,imagenet,preprocessed",
    ),
}
"""The workloads by the benchmark's name in the rules of a round; all image classifiers are `resnet` there."""
