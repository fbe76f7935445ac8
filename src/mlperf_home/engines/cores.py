"""How many physical cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from mlperf_home.engines.base import BackendError
from mlperf_home.machine.cpu.sysfs import CPUS, core_name, cpu_quota


def usable_cores(wanted: int | None = None, *, root: Path = Path("/")) -> int:
    """Count physical cores within the affinity mask and the cgroup's quota.

    Two threads of one core share its arithmetic units, so engines want one thread a core.

    Args:
        wanted: what the user asked for; None for all.
        root: where /proc and /sys are looked for.

    Raises:
        BackendError: more cores are wanted than there are, or none.
    """
    if wanted is None:
        cores = len(cores_cpus(root=root))
        quota, _ = cpu_quota(root)
        return cores if quota is None else min(cores, max(1, math.floor(quota)))
    allowed = len(os.sched_getaffinity(0))
    if not 1 <= wanted <= allowed:
        raise BackendError(f"{wanted} cores asked for; this process may use 1 to {allowed}")
    return wanted


def cores_cpus(*, root: Path = Path("/")) -> list[set[int]]:
    """Return the logical CPUs of each physical core that this process may use, the lowest first.

    Each is its own core where the system does not tell.
    """
    cores: dict[str, set[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        cores.setdefault(core_name(root / CPUS / f"cpu{cpu}") or f"cpu{cpu}", set()).add(cpu)
    return list(cores.values())
