"""How many physical cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from mlperf_home.engines.base import BackendError
from mlperf_home.machine.cpu.limits import cpu_quota


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
    """Return the logical CPUs of each physical core that this process may use, the lowest first."""
    cores: dict[str, set[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        cores.setdefault(_core(root, cpu), set()).add(cpu)
    return list(cores.values())


def _core(root: Path, cpu: int) -> str:
    """Name the physical core of a logical CPU; each is its own where the system does not tell."""
    topology = root / "sys/devices/system/cpu" / f"cpu{cpu}" / "topology"
    try:
        package = (topology / "physical_package_id").read_text().strip()
        return f"{package}:{(topology / 'core_id').read_text().strip()}"
    except OSError:
        return f"cpu{cpu}"
