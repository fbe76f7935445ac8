"""The estimate of a LoadGen run for a plan, and the speed to store after it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import read_session
from mlperf_home.harness.calibrations import doubtful_because
from mlperf_home.harness.user_conf import SettingsError
from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.published.class_speeds import bert_speed, image_speed
from mlperf_home.published.classifiers import rows_by_variations
from mlperf_home.rules import UnknownRoundError, load_round
from mlperf_home.run_times.expected import RunOfLoadGen, expected_duration, minimum_duration_s
from mlperf_home.run_times.speeds import RunSpeed, Speeds, measured
from mlperf_home.steps.run_request import requested_round
from scriptgraph.api import Context, StepEstimate, failing_on

if TYPE_CHECKING:
    from mlperf_home.machine.cpu.cpu import Cpu
    from mlperf_home.measurements.layout import ResultFolder
    from mlperf_home.run_times.speeds import ClassSpeed

# The keys that tell BERT models apart before any step has run.
_BERT_KEYS = (
    *("CM_MLPERF_CUSTOM_MODEL_PATH", "CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB"),
    *("CM_MLPERF_PRECISION", "CM_ML_MODEL_VARIATION"),
)
_OTHER_BERT_KEYS = _BERT_KEYS[:2]
# Names in published results, by the variation of the script that gets the model.
_PUBLISHED_BERTS = {
    "obert-large-95": "obert-large-pruned95_quant-none-vnni-bert-99",
    "mobilebert-14layer": "mobilebert-14layer_pruned50_quant-none-vnni-bert-99",
}
_IMAGE_KEYS = ("CM_ML_MODEL_FAMILY", "CM_ML_MODEL_VARIATION", "CM_ML_MODEL_PATH")
_WHOLE_IMAGENET = 50_000


def estimate_run(context: Context) -> StepEstimate:
    """Return the estimate of a step that runs LoadGen once.

    Raises:
        StepFailed: the round or the style of the run is unknown.
    """
    mode, scenario = context.text("CM_MLPERF_LOADGEN_RUN"), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    speeds = Speeds(context.folders.state).find(_subject(context), context.text("CM_MLPERF_BACKEND", ""))
    samples = _samples(context, speeds)
    with failing_on(UnknownRoundError, SettingsError):
        rules = load_round(context.text("CM_MLPERF_ROUND"))
        run = RunOfLoadGen(
            context.text("CM_MLPERF_BENCHMARK"),
            scenario,
            mode,
            context.text("CM_MLPERF_EXECUTION_MODE"),
            context.whole("CM_MLPERF_TEST_QUERY_COUNT"),
            samples,
        )
        expected, least_s = (
            expected_duration(rules, run, speeds, lambda: _published(context)),
            minimum_duration_s(rules, run),
        )
    engine = context.text("CM_MLPERF_BACKEND", "")
    return StepEstimate(
        f"{scenario} {_what(mode, least_s, samples)}",
        f"{_model(context)} on {engine}" if engine else _model(context),
        _machine(),
        expected.low_s,
        expected.high_s,
        expected.basis,
    )


def note_speed(context: Context, folder: ResultFolder, mode: str, wall_s: float) -> None:
    """Store the speed of a complete run; `wall_s` is the time of its step in seconds."""
    session = read_session(folder.session(mode))
    calibrated = session.grid.origin == "calibrated" and session.calibration is not None
    calibrated_s = session.calibration.elapsed_s if calibrated and session.calibration else 0.0
    counts = session.counts
    doubtful = session.calibration is not None and doubtful_because(session.calibration)
    again_s = session.calibration.elapsed_s if doubtful and session.calibration else 0.0
    if session.attempts:  # the step also took the time of repetitions
        wall_s, calibrated_s = session.times.open_s + session.times.run_s, 0.0
    speed = measured(wall_s - calibrated_s, session.times.run_s, counts.queries, counts.samples_completed, again_s)
    Speeds(context.folders.state).note(_subject(context), context.text("CM_MLPERF_BACKEND"), mode, speed)


def _subject(context: Context) -> str:
    """Return the model and scenario in words that are known before the model is fetched."""
    words = [
        context.text("CM_MLPERF_BENCHMARK"),
        _model(context),
        context.text("CM_MLPERF_LOADGEN_SCENARIO"),
        f"threads {context.text('CM_MLPERF_NUM_THREADS', 'calibrated')}",
        f"batch {context.text('CM_MLPERF_MAX_BATCHSIZE', 'calibrated')}",
        f"dataset {_dataset(context)}",
    ]
    return ", ".join(words)


def _model(context: Context) -> str:
    keys = _BERT_KEYS if context.text("CM_MLPERF_BENCHMARK") == "bert-99" else _IMAGE_KEYS
    return " ".join(text for key in keys if (text := context.text(key, ""))) or "the default model"


def _dataset(context: Context) -> str:
    return "sample" if context.text("CM_DATASET_SAMPLE", "no") == "yes" else context.text("CM_DATASET_SIZE", "whole")


def _samples(context: Context, speeds: dict[str, RunSpeed]) -> int | None:
    """Return the samples of the dataset; None if unknown, as those of the sample are before its first run."""
    if "accuracy" in speeds:
        return speeds["accuracy"].samples
    if _dataset(context) == "sample":
        return None
    if context.text("CM_MLPERF_BENCHMARK") == "bert-99":
        return requested_round(context).benchmarks["bert-99"].dataset_sample_count
    return context.whole("CM_DATASET_SIZE") or _WHOLE_IMAGENET


def _what(mode: str, least_s: float, samples: int | None) -> str:
    if mode == "accuracy":
        return f"accuracy on {samples:,} samples" if samples else "accuracy on the whole dataset"
    if mode == "find-performance":
        return "a short run for the target"
    name = "performance" if mode == "performance" else f"compliance test {mode}"
    return f"{name}, at least {least_s:.0f} s" if least_s else name


def _published(context: Context) -> ClassSpeed | None:
    """Return the published times of a sample of the same model and scenario on this class of CPU."""
    cpu, scenario = _cpu(), context.text("CM_MLPERF_LOADGEN_SCENARIO")
    name = cpu.model_name or ""
    backend, variation = context.text("CM_MLPERF_BACKEND", ""), context.text("CM_ML_MODEL_VARIATION", "")
    if _dataset(context) == "sample" or context.text("CM_ML_MODEL_PATH", ""):
        return None
    if context.text("CM_MLPERF_BENCHMARK") == "bert-99":
        model = "" if any(context.text(key, "") for key in _OTHER_BERT_KEYS) else _PUBLISHED_BERTS.get(variation, "")
        cores = len(cpu.affinity_cpus) / (cpu.threads_per_core or 1)
        return bert_speed(name, cores, model, backend) if scenario == "Offline" and model else None
    row = rows_by_variations().get(frozenset(variation.split(",")))
    if row is None or scenario != "SingleStream":
        return None
    return image_speed(name, row.model, backend=backend, quantised=row.weights != "fp32")


@lru_cache(maxsize=1)
def _cpu() -> Cpu:
    return read_cpu(None)


def _machine() -> str:
    cpu = _cpu()
    return f"{cpu.model_name or cpu.architecture or 'a CPU without a name'}, {len(cpu.affinity_cpus)} CPUs to use"
