"""What the machine was like when a run began; what it does not tell is None, with the reason."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

_CGROUP_ROOT = Path("/sys/fs/cgroup")


def host_state() -> dict[str, Any]:
    """Describe load, affinity and quota of this process, as JSON values."""
    quota, reason = cgroup_cpu_quota()
    return {
        "load_average_1min_before": os.getloadavg()[0],
        "affinity_cpus": sorted(os.sched_getaffinity(0)),
        "cgroup_cpu_quota": quota,
        "cgroup_cpu_quota_reason": reason,
    }


def peak_memory_bytes() -> int:
    """Give the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cgroup_cpu_quota(
    root: Path = _CGROUP_ROOT, membership: Path = Path("/proc/self/cgroup")
) -> tuple[float | None, str]:
    """Give the CPUs' worth of time this process may use, or None, and why it is None (else "")."""
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError as error:
        return None, f"{membership} cannot be read ({error.strerror})"
    group = next((line.split(":", 2)[2] for line in lines if line.startswith("0::")), None)
    if group is None:
        return None, "no version 2 control group"
    folder = root / group.lstrip("/")
    limits = []
    # A parent's limit binds as well; the root itself has no limit file.
    while folder != root.parent:
        limits.append(_quota(folder / "cpu.max"))
        folder = folder.parent
    known = [limit for limit in limits if limit is not None]
    return (min(known), "") if known else (None, "no limit is set")


def _quota(path: Path) -> float | None:
    try:
        quota, period = path.read_text("ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
