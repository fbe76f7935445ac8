"""How many physical cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from mlperf_home.backends.base import BackendError


def usable_cores(wanted: int | None = None, *, system: Path = Path("/sys")) -> int:
    """Count physical cores within the affinity mask and the cgroup's quota.

    Two threads of one core share its arithmetic units, so engines want one thread a core.

    Args:
        wanted: what the user asked for; None for all.
        system: where sysfs is mounted.

    Raises:
        BackendError: more cores are wanted than there are, or none.
    """
    allowed = os.sched_getaffinity(0)
    cores = len({_core(system, cpu) for cpu in allowed})
    quota = _quota(system)
    if quota is not None:
        cores = min(cores, quota)
    if wanted is None:
        return cores
    if not 1 <= wanted <= len(allowed):
        raise BackendError(f"{wanted} cores asked for; this process may use 1 to {len(allowed)}")
    return wanted


def _core(system: Path, cpu: int) -> str:
    """Name the physical core of a logical CPU; each is its own where the system does not tell."""
    topology = system / "devices/system/cpu" / f"cpu{cpu}" / "topology"
    try:
        package = (topology / "physical_package_id").read_text().strip()
        return f"{package}:{(topology / 'core_id').read_text().strip()}"
    except OSError:
        return f"cpu{cpu}"


def _quota(system: Path) -> int | None:
    """Whole CPUs that the control group allows; None without a limit."""
    try:
        limit, period = (system / "fs/cgroup/cpu.max").read_text().split()
        return max(1, math.floor(int(limit) / int(period)))
    except (OSError, ValueError):
        return None
