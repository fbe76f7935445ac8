"""Read the CPU's topology, caches and frequencies from /sys and /proc.

Source: kernel documentation, sysfs-devices-system-cpu.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.files.kernel_files import count_listed, is_listed, read_integer, read_text
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CPUS = "sys/devices/system/cpu"
_TYPES = {"Data": "d", "Instruction": "i", "Unified": ""}
_KIB = 1024


@dataclass(frozen=True)
class CpuCache:
    """One level of cache ("L1d", "L1i", "L2", "L3"); unknown values are None.

    `size_bytes` is the size of one instance; `shared_by` counts the logical CPUs that share an instance.
    """

    name: str
    size_bytes: int | None
    instances: int | None
    shared_by: int | None


def core_name(cpu: Path) -> str | None:
    """Return an identifier for the physical core of a logical CPU's folder in /sys; None if the topology is unknown.

    The list of the core's threads identifies it, where there is one. The core's number may repeat in each die or
    cluster of a package, so the identifier includes the numbers of all three.
    """
    topology = cpu / "topology"
    threads = read_text(topology / "core_cpus_list") or read_text(topology / "thread_siblings_list")
    package, core = read_text(topology / "physical_package_id"), read_text(topology / "core_id")
    if threads or package is None or core is None:
        return threads or None
    return ":".join([package, *(read_text(topology / name) or "" for name in ("die_id", "cluster_id")), core])


class CpuFiles:
    """/sys/devices/system/cpu below a root; `logical_cpus` counts those on-line, None if /sys has none."""

    def __init__(self, root: Path) -> None:
        self._nodes = root / "sys/devices/system/node"
        numbered = ((whole_number(path.name[3:]), path) for path in (root / CPUS).glob("cpu[0-9]*"))
        cpus = sorted((number, path) for number, path in numbered if number is not None)
        # A CPU without the file is always on-line; cpu0 often has none. Containers may show fewer in the list alone.
        online = read_text(root / CPUS / "online") or ""
        self._cpus = [
            cpu
            for number, cpu in cpus
            if read_text(cpu / "online") != "0" and (not online or is_listed(number, online))
        ]
        self.logical_cpus = len(self._cpus) or None

    def core_names(self) -> dict[int, str | None]:
        """Return the identifier of each logical CPU's core, see `core_name`."""
        return {int(cpu.name[3:]): core_name(cpu) for cpu in self._cpus}

    def cores(self) -> int | None:
        """Count physical cores; None if the core of a CPU is unknown."""
        names = set(self.core_names().values())
        return None if None in names else len(names) or None

    def siblings_fault(self) -> str:
        """Return how the lists of threads contradict each other; empty if they do not."""
        for number, name in self.core_names().items():
            # A list names the CPU itself; names with colons are no lists.
            if name and ":" not in name and not is_listed(number, name):
                return f"CPU {number} is not among the threads of its core, {name}"
        return ""

    def sockets(self) -> int | None:
        """Count packages; None if the firmware numbers none (many Arm machines)."""
        packages = {read_text(cpu / "topology/physical_package_id") for cpu in self._cpus}
        return len(packages - {None, "-1"}) or None

    def caches(self) -> tuple[CpuCache, ...]:
        """Return the caches, innermost first; empty where /sys has none (some Arm boards, containers)."""
        return tuple(
            CpuCache(name, next(iter(sizes.values())), len(sizes), count_listed(next(iter(sizes))))
            for name, sizes in sorted(self._cache_sizes().items())
        )

    def cache_totals(self) -> tuple[tuple[str, int, int], ...]:
        """Return each cache: its name, the total bytes of its instances, and their number.

        Different cores have different caches, so the total need not be a multiple of one instance's size.
        """
        caches = sorted(self._cache_sizes().items())
        known = [(name, [size for size in sizes.values() if size is not None], len(sizes)) for name, sizes in caches]
        return tuple((name, sum(sizes), count) for name, sizes, count in known if len(sizes) == count)

    def _cache_sizes(self) -> dict[str, dict[str, int | None]]:
        """Return the bytes of each instance by the cache's name and the CPUs that share the instance."""
        caches: dict[str, dict[str, int | None]] = {}
        for cpu in self._cpus:
            for index in sorted((cpu / "cache").glob("index[0-9]*")):
                level, kind, size = (read_text(index / name) for name in ("level", "type", "size"))
                shared = read_text(index / "shared_cpu_list") or cpu.name[3:]
                if level and kind in _TYPES:
                    # /sys writes a size as "48K".
                    kib = whole_number(size[:-1]) if size and size.endswith("K") else None
                    caches.setdefault(f"L{level}{_TYPES[kind]}", {})[shared] = None if kib is None else kib * _KIB
        return caches

    def numa_nodes(self) -> int | None:
        """Count NUMA nodes; None if the kernel was built without them."""
        return len(list(self._nodes.glob("node[0-9]*"))) or None

    def frequency_mhz(self, name: str, choose: Callable[[list[float]], float]) -> float | None:
        """Reduce a frequency of cpufreq ("cpuinfo_max_freq") over all CPUs with `choose`, in MHz."""
        frequencies_khz = [read_integer(cpu / "cpufreq" / name) for cpu in self._cpus]
        known_mhz = [khz / 1000 for khz in frequencies_khz if khz is not None]
        return choose(known_mhz) if known_mhz else None

    def governors(self) -> tuple[str, ...]:
        """Return the names of the frequency governors in use."""
        names = (read_text(cpu / "cpufreq/scaling_governor") for cpu in self._cpus)
        return tuple(dict.fromkeys(name for name in names if name))


def memory_total_bytes(root: Path) -> tuple[int | None, str]:
    """Return the memory that the kernel manages (a little less than is installed), or None and the reason."""
    total_kib = re.search(r"^MemTotal:\s*([0-9]{1,15})\b", read_text(root / "proc/meminfo") or "", re.MULTILINE)
    total = int(total_kib[1]) * _KIB if total_kib else 0
    return (total, "") if total else (None, "/proc/meminfo does not tell it")
