"""What a step is asked for, read from its environment: the result's folder, the job, the target."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.lengths import parse_lengths
from mlperf_home.measurements.layout import ResultFolder, result_folder
from mlperf_home.steps.workloads import WORKLOADS
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from scriptgraph.api import Context


def asked_folder(context: Context) -> ResultFolder:
    """Give the folder of the result that the step's environment names."""
    return result_folder(
        context.path("CM_MLPERF_RESULTS_DIR") or context.folders.state.parent / "results",
        context.text("CM_MLPERF_EXECUTION_MODE"),
        context.name("CM_SUT_NAME"),
        context.name("CM_ML_MODEL_FULL_NAME"),
        context.text("CM_MLPERF_LOADGEN_SCENARIO"),
    )


def given_target(context: Context, scenario: str) -> float | None:
    """Give the target that the user chose for a scenario: samples per second or milliseconds; the own option wins."""
    unit = "QPS" if scenario in {"Offline", "Server"} else "LATENCY"
    own = context.number(f"CM_MLPERF_{scenario.upper()}_TARGET_{unit}")
    return own if own is not None else context.number(f"CM_MLPERF_TARGET_{unit}")


def noise_repeats(context: Context) -> int:
    """Give how often a noisy performance run is to be repeated.

    Raises:
        StepFailed: it is below 0.
    """
    repeats = context.whole("CM_MLPERF_REPEAT_NOISY") or 0
    if repeats < 0:
        raise StepFailed(f"--repeat_noisy={repeats}: must be 0 or more")
    return repeats


def read_options(context: Context) -> dict[str, Any]:
    """Read what the harness has to know from the step's environment.

    Raises:
        ResultsError: there is no preprocessed dataset where the environment says.
    """
    lengths = context.text("DEEPSPARSE_SEQLENS", "")
    batch_size = context.whole("CM_MLPERF_MAX_BATCHSIZE")
    benchmark = context.text("CM_MLPERF_BENCHMARK")
    workload = WORKLOADS[benchmark]
    dataset = context.existing(workload.dataset_key)
    return {
        "python": context.text("CM_MLPERF_LOADGEN_PYTHON"),
        "prefix": run_prefix(context),
        "round": context.text("CM_MLPERF_ROUND"),
        "benchmark": benchmark,
        "scenario": context.text("CM_MLPERF_LOADGEN_SCENARIO"),
        "backend": {
            "name": context.text("CM_MLPERF_BACKEND"),
            "model_path": str(context.existing("CM_ML_MODEL_FILE_WITH_PATH")),
            "options": backend_options(context),
            "lengths": list(_lengths(lengths)) if lengths else None,
            "batch_sizes": [batch_size] if batch_size else None,
            "streams": context.whole("CM_MLPERF_STREAMS"),
            "cores": context.whole("CM_MLPERF_NUM_THREADS"),
        },
        "dataset": {"kind": workload.kind, "path": str(dataset)},
        "user_conf": str(context.existing("CM_MLPERF_USER_CONF")),
        "mlperf_conf": str(context.existing("CM_MLPERF_CONF")),
        "stall_timeout_s": context.number("CM_MLPERF_STALL_TIMEOUT_S"),
        "calibration_path": context.text("CM_SUT_CALIBRATION_PATH"),
        "sample": bool(workload.facts(dataset)["sample_note"] or context.text("CM_ML_MODEL_SAMPLE", "")),
        "work_dir": str(context.folders.state / "engine-graphs"),
        **_limited(context),
    }


def _limited(context: Context) -> dict[str, float]:
    limit = context.number("CM_MLPERF_TIME_LIMIT_S")
    if limit is not None and limit <= 0:
        raise StepFailed(f"--time_limit={limit:g}: must be above 0; leave it out where there is no limit")
    return {} if limit is None else {"time_limit_s": limit}


def backend_options(context: Context) -> dict[str, Any]:
    """Give the engine's own options.

    Raises:
        StepFailed: they are no JSON object.
    """
    text = context.text("CM_MLPERF_BACKEND_OPTIONS", "{}")
    try:
        options = json.loads(text)
    except ValueError as error:
        raise StepFailed(f"CM_MLPERF_BACKEND_OPTIONS: {text!r} is not JSON ({error})") from error
    if not isinstance(options, dict):
        raise StepFailed(f'CM_MLPERF_BACKEND_OPTIONS: {text!r} is no JSON object, such as {{"pinning": "core"}}')
    delegate = context.text("CM_TFLITE_DELEGATE", "")
    if delegate:  # what the user says of the options wins
        told = {"delegate": delegate, "delegate_options": context.text("CM_TFLITE_DELEGATE_OPTIONS", "").split()}
        return {**told, **options}
    return options


def run_prefix(context: Context) -> list[str]:
    """Give the words that go before the workload's Python.

    Raises:
        StepFailed: they are no words.
    """
    text = context.text("CM_RUN_PREFIX", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise StepFailed(f"CM_RUN_PREFIX: {text!r} is not a command's words ({error}); close the quotes") from error


def _lengths(text: str) -> tuple[int, ...]:
    try:
        return parse_lengths(text)
    except BackendError as error:
        raise StepFailed(f"DEEPSPARSE_SEQLENS: {error}") from error
