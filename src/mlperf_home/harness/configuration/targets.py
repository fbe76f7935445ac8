"""find-performance: what a short run says about the target of the long one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlperf_home.contracts.job import Job
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend, Grid
    from mlperf_home.loadgen_logs.run_log import LoadGenResult

_PROBES = 16
_FIRST_SHARE = 0.25


def measured_target(job: Job, result: LoadGenResult) -> dict[str, float] | None:
    """Return {"target_qps": samples per second} or {"target_latency_ms": mean}, as measured.

    None in other modes, or where the log has no such value. Nothing is added or taken off: settings.py applies the
    factors of later runs.
    """
    if job.mode != "find-performance":
        return None
    if job.scenario == "Offline":
        return {"target_qps": float(result.values["result_samples_per_second"])}
    if job.scenario == "Server":
        return None if result.found_peak_qps is None else {"target_qps": result.found_peak_qps}
    return None if result.mean_latency_ms is None else {"target_latency_ms": result.mean_latency_ms}


def starting_rate(job: Job, backend: Backend, samples: Samples, grid: Grid) -> float | None:
    """Return the rate that Server's search starts from: a quarter of what one sample at a time would allow.

    LoadGen doubles the rate until the latency limit breaks, and gives up if the first rate is too high already. None
    in other modes and scenarios, and where user.conf names a rate.
    """
    if (job.mode, job.scenario) != ("find-performance", "Server") or "target_qps" in job.user_conf.read_text("utf-8"):
        return None
    longest = grid.lengths[-1] if grid.lengths else None
    probes = np.arange(min(_PROBES, samples.performance_count), dtype=np.intp)
    samples.load(probes.tolist())
    start_s = time.perf_counter()
    for probe in probes:
        backend.run(samples.batch(np.array([probe]), longest))
    elapsed_s = time.perf_counter() - start_s
    samples.unload(probes.tolist())
    return _FIRST_SHARE * len(probes) / elapsed_s
