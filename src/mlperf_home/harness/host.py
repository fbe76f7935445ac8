"""What the machine was like when a run began; what it does not tell is None, with the reason."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

from mlperf_home.host.limits import cpu_quota


def host_state() -> dict[str, Any]:
    """Describe load, affinity and quota of this process, as JSON values."""
    quota, reason = cpu_quota(Path("/"))
    return {
        "load_average_1min_before": os.getloadavg()[0],
        "affinity_cpus": sorted(os.sched_getaffinity(0)),
        "cgroup_cpu_quota": quota,
        "cgroup_cpu_quota_reason": reason,
    }


def peak_memory_bytes() -> int:
    """Give the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
