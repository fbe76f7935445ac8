"""Read from /sys and /proc: the CPU's topology, caches and frequencies, and what the process may use of the machine.

Sources: kernel documentation, sysfs-devices-system-cpu, cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import count_listed, read_text, read_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CPUS = "sys/devices/system/cpu"
_TYPES = {"Data": "d", "Instruction": "i", "Unified": ""}
_KIB = 1024
# cgroup v1 writes "no limit" as the largest multiple of a page below 2**63.
_UNLIMITED_BYTES = 1 << 62


@dataclass(frozen=True)
class Cache:
    """One level of cache ("L1d", "L1i", "L2", "L3"); what is not known is None.

    The size is that of one instance, of which there are several; `shared_by` counts the logical CPUs that share one.
    """

    name: str
    size_bytes: int | None
    instances: int | None
    shared_by: int | None


def core_name(cpu: Path) -> str | None:
    """Name the physical core of a logical CPU, by its folder in /sys; None where the kernel does not tell.

    The list of the core's threads names it everywhere. The number of a core may be repeated in each die or cluster
    of a package, so that it names a core together with theirs alone.
    """
    topology = cpu / "topology"
    threads = read_text(topology / "core_cpus_list") or read_text(topology / "thread_siblings_list")
    package, core = read_text(topology / "physical_package_id"), read_text(topology / "core_id")
    if threads or package is None or core is None:
        return threads or None
    return ":".join([package, *(read_text(topology / name) or "" for name in ("die_id", "cluster_id")), core])


class CpuFiles:
    """/sys/devices/system/cpu below a root; of the logical CPUs, those on-line: so many, or None if /sys has none."""

    def __init__(self, root: Path) -> None:
        self._nodes = root / "sys/devices/system/node"
        everyone = sorted((root / CPUS).glob("cpu[0-9]*"), key=lambda path: int(path.name[3:]))
        # cpu0 often has no switch, and what has none is on.
        self._cpus = [cpu for cpu in everyone if read_text(cpu / "online") != "0"]
        self.logical_cpus = len(self._cpus) or None

    def cores(self) -> int | None:
        """Count physical cores; None where a CPU does not tell its own."""
        names = {core_name(cpu) for cpu in self._cpus}
        return None if None in names else len(names) or None

    def sockets(self) -> int | None:
        """Count packages; None where the firmware numbers none (many Arm machines)."""
        packages = {read_text(cpu / "topology/physical_package_id") for cpu in self._cpus}
        return len(packages - {None, "-1"}) or None

    def caches(self) -> tuple[Cache, ...]:
        """Return the caches, innermost first; empty where /sys has none (some Arm boards, containers)."""
        return tuple(
            Cache(name, next(iter(sizes.values())), len(sizes), count_listed(next(iter(sizes))))
            for name, sizes in sorted(self._cache_sizes().items())
        )

    def cache_totals(self) -> tuple[tuple[str, int, int], ...]:
        """Return each cache: its name, the bytes of all instances together, and how many there are.

        Where cores differ, so do their caches: a total is no multiple of one's size.
        """
        found = sorted(self._cache_sizes().items())
        known = [(name, [size for size in sizes.values() if size is not None], len(sizes)) for name, sizes in found]
        return tuple((name, sum(sizes), count) for name, sizes, count in known if len(sizes) == count)

    def _cache_sizes(self) -> dict[str, dict[str, int | None]]:
        """Return the bytes of each instance, by the cache's name and the CPUs that share the instance."""
        found: dict[str, dict[str, int | None]] = {}
        for cpu in self._cpus:
            for index in sorted((cpu / "cache").glob("index[0-9]*")):
                level, kind, size = (read_text(index / name) for name in ("level", "type", "size"))
                shared = read_text(index / "shared_cpu_list") or cpu.name[3:]
                if level and kind in _TYPES:
                    # A size is written "48K".
                    kib = size[:-1] if size and size.endswith("K") and size[:-1].isdecimal() else None
                    found.setdefault(f"L{level}{_TYPES[kind]}", {})[shared] = None if kib is None else int(kib) * _KIB
        return found

    def numa_nodes(self) -> int | None:
        """Count NUMA nodes; None where the kernel was built without them."""
        return len(list(self._nodes.glob("node[0-9]*"))) or None

    def frequency_mhz(self, name: str, choose: Callable[[list[float]], float]) -> float | None:
        """Choose from one of the frequencies that cpufreq has ("cpuinfo_max_freq"), of all CPUs, in MHz."""
        found = [read_whole(cpu / "cpufreq" / name) for cpu in self._cpus]
        known = [khz / 1000 for khz in found if khz is not None]
        return choose(known) if known else None

    def governors(self) -> tuple[str, ...]:
        """Name the frequency governors in use."""
        named = (read_text(cpu / "cpufreq/scaling_governor") for cpu in self._cpus)
        return tuple(dict.fromkeys(name for name in named if name))


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
        # In a container the group is often not visible, the mount is.
        for length in range(len(parts), -1, -1):
            limits = [limit(each.joinpath(*parts[:length])) for each in mounts]
            known += [value for value in limits if value is not None]
    return (min(known), "") if known else (None, "no control group sets a limit")


def _quota(folder: Path) -> float | None:
    """Read version 2's file, else version 1's two. "max" and -1 are no limit."""
    both = read_text(folder / "cpu.max")
    if both is None:
        both = f"{read_text(folder / 'cpu.cfs_quota_us')} {read_text(folder / 'cpu.cfs_period_us')}"
    quota, _, period = both.partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _memory(folder: Path) -> float | None:
    # Version 2's and version 1's.
    files = (folder / "memory.max", folder / "memory.limit_in_bytes")
    value = next((value for value in map(read_whole, files) if value is not None), _UNLIMITED_BYTES)
    return value if value < _UNLIMITED_BYTES else None
