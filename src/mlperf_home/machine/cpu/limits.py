"""What the process may use of the machine: control groups' limits (cgroup v2 and v1), memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KIB = 1024
# cgroup v1 writes "no limit" as the largest multiple of a page below 2**63.
_UNLIMITED_BYTES = 1 << 62

NO_LIMIT = "no control group sets a limit"


def cpu_quota(root: Path) -> tuple[float | None, str]:
    """Give the CPUs' worth of time that the process may use, or None and why."""
    return _tightest(root, "cpu", _quota_v2, _quota_v1)


def memory_limit_bytes(root: Path) -> tuple[int | None, str]:
    """Give the memory that the process may use, or None and why."""
    limit, reason = _tightest(root, "memory", _memory_v2, _memory_v1)
    return (None if limit is None else int(limit)), reason


def memory_total_bytes(root: Path) -> tuple[int | None, str]:
    """Give the memory that the kernel manages (a little less than is installed), or None and why."""
    text = _text(root / "proc/meminfo") or ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        amount = value.split()
        if name == "MemTotal" and amount and amount[0].isdecimal():
            return int(amount[0]) * _KIB, ""
    return None, "/proc/meminfo cannot be read"


def _tightest(
    root: Path, controller: str, v2: Callable[[Path], float | None], v1: Callable[[Path], float | None]
) -> tuple[float | None, str]:
    """Give the smallest limit on the way from the process's group to the root: all of them bind."""
    groups = _text(root / "proc/self/cgroup")
    if groups is None:
        return None, "/proc/self/cgroup cannot be read"
    limits = []
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            limits += [v2(folder) for folder in _upwards(root / "sys/fs/cgroup", group)]
        elif controller in controllers.split(","):
            for mount in (controllers, controller):
                limits += [v1(folder) for folder in _upwards(root / "sys/fs/cgroup" / mount, group)]
    known = [limit for limit in limits if limit is not None]
    return (min(known), "") if known else (None, NO_LIMIT)


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Walk from a group's folder up to its mount. In a container the group is often not visible, the mount is."""
    parts = [part for part in group.split("/") if part and part != ".."]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = (_text(folder / "cpu.max") or "").partition(" ")
    return _ratio(quota, period)


def _quota_v1(folder: Path) -> float | None:
    # Without a limit the quota is -1.
    return _ratio(_text(folder / "cpu.cfs_quota_us") or "", _text(folder / "cpu.cfs_period_us") or "")


def _ratio(quota: str, period: str) -> float | None:
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _memory_v2(folder: Path) -> float | None:
    value = _text(folder / "memory.max") or ""
    return int(value) if value.isdecimal() else None


def _memory_v1(folder: Path) -> float | None:
    value = _text(folder / "memory.limit_in_bytes") or ""
    return int(value) if value.isdecimal() and int(value) < _UNLIMITED_BYTES else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
