"""What the process may use of the machine: control groups' limits (cgroup v2 and v1), memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KIB = 1024
# cgroup v1 writes "no limit" as the largest multiple of a page below 2**63.
_UNLIMITED_BYTES = 1 << 62


def cpu_quota(root: Path) -> tuple[float | None, str]:
    """Return the CPUs' worth of time that the process may use, or None and why."""
    return _tightest(root, "cpu", _quota)


def memory_limit_bytes(root: Path) -> tuple[int | None, str]:
    """Return the memory that the process may use, or None and why."""
    limit, reason = _tightest(root, "memory", _memory)
    return (None if limit is None else int(limit)), reason


def memory_total_bytes(root: Path) -> tuple[int | None, str]:
    """Return the memory that the kernel manages (a little less than is installed), or None and why."""
    found = re.search(r"^MemTotal:\s*(\d+)", read_text(root / "proc/meminfo") or "", re.MULTILINE)
    return (int(found[1]) * _KIB, "") if found else (None, "/proc/meminfo cannot be read")


def _tightest(root: Path, controller: str, limit: Callable[[Path], float | None]) -> tuple[float | None, str]:
    """Return the smallest limit on the way from the process's group to the root: all of them bind."""
    groups = read_text(root / "proc/self/cgroup")
    if groups is None:
        return None, "/proc/self/cgroup cannot be read"
    limits = map(limit, _folders(root / "sys/fs/cgroup", groups, controller))
    known = [value for value in limits if value is not None]
    return (min(known), "") if known else (None, "no control group sets a limit")


def _folders(mount: Path, groups: str, controller: str) -> Iterator[Path]:
    """Walk from each group's folder up to its mount. In a container the group is often not visible, the mount is."""
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [mount]
        else:
            mounts = [mount / controllers, mount / controller] if controller in controllers.split(",") else []
        parts = [part for part in group.split("/") if part and part != ".."]
        for length in range(len(parts), -1, -1):
            yield from (each.joinpath(*parts[:length]) for each in mounts)


def _quota(folder: Path) -> float | None:
    """Read version 2's file, else version 1's two. "max" and -1 are no limit."""
    both = read_text(folder / "cpu.max")
    if both is None:
        both = f"{read_text(folder / 'cpu.cfs_quota_us')} {read_text(folder / 'cpu.cfs_period_us')}"
    quota, _, period = both.partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _memory(folder: Path) -> float | None:
    """Read version 2's file, else version 1's."""
    value = read_whole(folder / "memory.max")
    if value is None:
        value = read_whole(folder / "memory.limit_in_bytes")
    return value if value is not None and value < _UNLIMITED_BYTES else None
