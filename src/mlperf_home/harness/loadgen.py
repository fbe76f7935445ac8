"""The only module that imports LoadGen: settings, the run, the responses, and targets.

It relies on these tested facts of LoadGen 6.0.17:

- `conf_type=2` disables the embedded configuration, which is of a newer round.
- `FromConfig` returns -2 for an absent conf file, without an exception.
- A conf file can change the seeds, so the round's seeds are set last.
- The trace is on by default.
- A missing log folder aborts the process later.
- Response data is copied before `QuerySamplesComplete` returns.
"""

from __future__ import annotations

import importlib
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import logs_outputs, run_seeds
from mlperf_home.harness.preparation import installed_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.contracts.runs.job import Job
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Answer, Backend
    from mlperf_home.harness.queries.parts import Respond, SystemUnderTest
    from mlperf_home.loadgen_logs.run_log import LoadGenResult
    from mlperf_home.rules import Round

_WITHOUT_EMBEDDED_CONF = 2
_PROBES = 16
_FIRST_SHARE = 0.25
_COARSE_ABOVE_QPS = 20


def import_loadgen() -> Any:
    """Import LoadGen.

    Raises:
        HarnessError: LoadGen is not installed or cannot be imported.
    """
    try:
        return importlib.import_module("mlperf_loadgen")
    except ImportError as error:
        raise HarnessError(
            ExitStatus.LOADGEN_ERROR,
            f"LoadGen cannot be imported ({error}); install mlcommons-loadgen into this Python "
            "(it has wheels for x86_64; other machines need a C++ compiler)",
        ) from None


def require_version(rules: Round, installed: str | None) -> None:
    """Raise HarnessError if the installed LoadGen is older than the round's seeds, which the rules forbid."""
    first = rules.embedded_in[0]
    if installed and first and _numbers(installed) < _numbers(first):
        problem = (
            f"LoadGen {installed} is older than the seeds of {rules.name}; install mlcommons-loadgen {first} or newer"
        )
        raise HarnessError(ExitStatus.BAD_JOB, problem)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def configure(loadgen: Any, job: Job) -> Any:
    """Return LoadGen's TestSettings from mlperf.conf, user.conf and the round's seeds.

    Raises:
        HarnessError: LoadGen rejects a file, or the durations contradict each other.
    """
    require_version(job.rules, installed_version("mlcommons-loadgen"))
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, job.scenario)
    searches = (job.mode, job.scenario) == ("find-performance", "Server")
    mode = "AccuracyOnly" if job.mode == "accuracy" else "FindPeakPerformance" if searches else "PerformanceOnly"
    settings.mode = getattr(loadgen.TestMode, mode)
    for conf in (job.mlperf_conf, job.user_conf):
        if settings.FromConfig(str(conf), job.loadgen_model, job.scenario, _WITHOUT_EMBEDDED_CONF) != 0:
            raise HarnessError(ExitStatus.BAD_JOB, f"{conf}: LoadGen cannot read this file; check its lines")
    for name in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"):
        setattr(settings, name, getattr(run_seeds(job.rules, job.mode), name))
    if 0 < settings.max_duration_ms < settings.min_duration_ms:
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{job.user_conf}: max_duration ({settings.max_duration_ms} ms) is below min_duration "
            f"({settings.min_duration_ms} ms); raise max_duration",
        )
    return settings


def fit_settings(settings: Any, job: Job, backend: Backend, samples: Samples, grid: Grid) -> None:
    """Limit the performance set to the dataset, and set the first rate of a Server search for the peak rate.

    The first rate is a quarter of the rate of single samples. LoadGen doubles it until the latency limit is exceeded,
    and fails if the first rate already exceeds it. A rate in user.conf takes precedence.
    """
    # LoadGen logs this count even if the dataset has fewer samples.
    required = settings.performance_sample_count_override
    settings.performance_sample_count_override = min(required, samples.performance_count)
    if (job.mode, job.scenario) != ("find-performance", "Server") or "target_qps" in job.user_conf.read_text("utf-8"):
        return
    longest = grid.lengths[-1] if grid.lengths else None
    probes = np.arange(min(_PROBES, samples.performance_count), dtype=np.intp)
    samples.load(probes.tolist())
    start_s = time.perf_counter()
    for probe in probes:
        backend.run(samples.batch(np.array([probe]), longest))
    elapsed_s = time.perf_counter() - start_s
    samples.unload(probes.tolist())
    rate = settings.server_target_qps = _FIRST_SHARE * len(probes) / elapsed_s
    # Each decimal costs three more runs; a precision of about one percent is enough.
    settings.server_find_peak_qps_decimals_of_precision = 0 if rate > _COARSE_ABOVE_QPS else 1


def responder(loadgen: Any, mode: str) -> Respond:
    """Return the function that completes samples, with their outputs if LoadGen logs them in this mode."""
    complete, response = loadgen.QuerySamplesComplete, loadgen.QuerySampleResponse
    local = threading.local()

    def respond_empty(ids: Sequence[int], _answer: Answer, _lengths: NDArray[np.int32] | None) -> None:
        if len(ids) == 1:
            # SingleStream: a comprehension is a function call, whose time would count as latency.
            complete([response(ids[0], 0, 0)])
            return
        # Responses are reused: LoadGen copies them, and a new one takes three times as long as a new id.
        responses = local.__dict__.setdefault("responses", [])
        while len(responses) < len(ids):
            responses.append(response(0, 0, 0))
        for reused, identity in zip(responses, ids, strict=False):
            reused.id = identity
        complete(responses[: len(ids)])

    def respond_with_outputs(ids: Sequence[int], answer: Answer, lengths: NDArray[np.int32] | None) -> None:
        rows = np.ascontiguousarray(answer(), dtype=np.float32)
        complete(
            [
                response(identity, address, size)
                for identity, (address, size) in zip(ids, payloads(rows, lengths), strict=True)
            ]
        )

    return respond_with_outputs if logs_outputs(mode) else respond_empty


def payloads(rows: NDArray[np.float32], lengths: NDArray[np.int32] | None) -> list[tuple[int, int]]:
    """Return the address and the size in bytes of each sample's rows in a contiguous output, (n, ...) float32.

    With `lengths`, the tokens of each sample, (n,) int32, the output is (n, length, ...) and its padding is left out.
    """
    start, stride = rows.ctypes.data, rows.strides[0]
    if lengths is None:
        return [(start + row * stride, stride) for row in range(len(rows))]
    return [(start + row * stride, int(length) * rows.strides[1]) for row, length in enumerate(lengths)]


def run(loadgen: Any, settings: Any, parts: tuple[SystemUnderTest, Samples], log_dir: Path, audit_conf: Path) -> None:
    """Run LoadGen once; it writes its logs to `log_dir`.

    Args:
        loadgen: LoadGen's module.
        settings: the settings from `configure`.
        parts: the system under test and the samples.
        log_dir: the folder for the logs.
        audit_conf: the path from `job.audit_config`.
    """
    sut, samples = parts
    log_settings = loadgen.LogSettings()
    log_settings.enable_trace = False
    log_settings.log_output.outdir = str(log_dir)
    log_settings.log_output.copy_summary_to_stdout = False
    # ConstructFastSUT passes a query as two lists of numbers, which cost half as much per sample as objects.
    # The flush callback does nothing: every batch is already queued when LoadGen calls it.
    sut_handle = loadgen.ConstructFastSUT(sut.issue, lambda: None)
    qsl_handle = loadgen.ConstructQSL(samples.count, samples.performance_count, sut.load, sut.unload)
    loadgen.StartTestWithLogSettings(sut_handle, qsl_handle, settings, log_settings, str(audit_conf))
    loadgen.DestroyQSL(qsl_handle)
    loadgen.DestroyFastSUT(sut_handle)


def measured_target(job: Job, result: LoadGenResult) -> dict[str, float] | None:
    """Return the target measured by a find-performance run, "target_qps" or "target_latency_ms".

    The value is unchanged; user_conf.py applies the factors of later runs. Return None in other modes, or if the value
    is not logged.
    """
    if job.mode != "find-performance":
        return None
    if job.scenario == "Offline":
        return {"target_qps": float(result.values["result_samples_per_second"])}
    if job.scenario == "Server":
        return None if result.peak_qps is None else {"target_qps": result.peak_qps}
    return None if result.mean_latency_ms is None else {"target_latency_ms": result.mean_latency_ms}
