"""Read the limits that control groups set for this process.

Sources: kernel documentation, cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_integer, read_text
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

# cgroup v1 writes "no limit" as the largest multiple of a page below 2**63.
_UNLIMITED_BYTES = 1 << 62


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the number of CPUs that the process may use, by its affinity and the quota of its control groups."""
    quota, _ = cpu_quota(root)
    allowed = len(os.sched_getaffinity(0))
    return allowed if quota is None else min(allowed, max(1, ceil(quota)))


def cpu_quota(root: Path) -> tuple[float | None, str]:
    """Return the CPU time that the process may use, in CPUs, or None and the reason."""
    return _tightest(root, "cpu", _quota)


def quota_wait_s(root: Path) -> float | None:
    """Return the seconds for which quotas of CPU time have held the process's groups back, over all CPUs.

    None if no group counts them. Of nested groups the longest counts: the time of one that is held back by another is
    no time of its own.
    """
    waited, _ = _limits(root, "cpu", _waited)
    return max(waited, default=None)


def memory_limit_bytes(root: Path) -> tuple[int | None, str]:
    """Return the memory that the process may use, or None and the reason."""
    limit, reason = _tightest(root, "memory", _memory)
    return (None if limit is None else int(limit)), reason


def _tightest(root: Path, controller: str, limit: Callable[[Path], float | None]) -> tuple[float | None, str]:
    """Return the smallest limit between the process's control group and the root; all of them apply."""
    known, reason = _limits(root, controller, limit)
    return (min(known), "") if known else (None, reason)


def _limits(root: Path, controller: str, limit: Callable[[Path], float | None]) -> tuple[list[float], str]:
    """Return the known limits between the process's control group and the root, and the reason if there is none."""
    groups = read_text(root / "proc/self/cgroup")
    if groups is None:
        return [], "/proc/self/cgroup cannot be read"
    mount = root / "sys/fs/cgroup"
    known: list[float] = []
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [mount]
        else:
            mounts = [mount / controllers, mount / controller] if controller in controllers.split(",") else []
        parts = [part for part in group.split("/") if part and part != ".."]
        # In a container the mount is visible, but often not the group below it.
        for length in range(len(parts), -1, -1):
            limits = [limit(folder.joinpath(*parts[:length])) for folder in mounts]
            known += [value for value in limits if value is not None]
    return known, "no control group sets a limit"


def _quota(folder: Path) -> float | None:
    """Read the file of cgroup v2, else the two of v1; "max" and -1 mean no limit."""
    limit = read_text(folder / "cpu.max")
    if limit is None:
        limit = f"{read_text(folder / 'cpu.cfs_quota_us')} {read_text(folder / 'cpu.cfs_period_us')}"
    quota, _, period = limit.partition(" ")
    quota_us, period_us = whole_number(quota), whole_number(period)
    return quota_us / period_us if quota_us is not None and period_us else None


def _waited(folder: Path) -> float | None:
    """Read cpu.stat: microseconds in cgroup v2, nanoseconds in v1."""
    counters = dict(
        line.split(maxsplit=1) for line in (read_text(folder / "cpu.stat") or "").splitlines() if " " in line
    )
    microseconds, nanoseconds = (whole_number(counters.get(name, "")) for name in ("throttled_usec", "throttled_time"))
    if microseconds is not None:
        return microseconds / 1e6
    return None if nanoseconds is None else nanoseconds / 1e9


def _memory(folder: Path) -> float | None:
    # The files of cgroup v2 and v1.
    files = (folder / "memory.max", folder / "memory.limit_in_bytes")
    value = next((value for value in map(read_integer, files) if value is not None), _UNLIMITED_BYTES)
    return value if value < _UNLIMITED_BYTES else None
