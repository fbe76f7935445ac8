"""Read the CPU's topology, caches and frequencies from /sys (kernel documentation, sysfs-devices-system-cpu)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TYPES = {"Data": "d", "Instruction": "i", "Unified": ""}
_KIB = 1024


@dataclass(frozen=True)
class Cache:
    """One level of cache.

    Attributes:
        name: "L1d", "L1i", "L2", "L3".
        size_bytes: of one instance; None if it is not known.
        instances: how many there are; None if it is not known.
        shared_by: how many logical CPUs share one; None if it is not known.
    """

    name: str
    size_bytes: int | None
    instances: int | None
    shared_by: int | None


@dataclass(frozen=True)
class Topology:
    """How the logical CPUs that are on-line form cores and packages.

    Attributes:
        logical_cpus: how many are on-line; None if /sys does not tell.
        cores: physical cores.
        sockets: packages; None where the firmware numbers none (many Arm machines).
    """

    logical_cpus: int | None
    cores: int | None
    sockets: int | None


class CpuFiles:
    """/sys/devices/system/cpu below a root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/devices/system/cpu"
        self._nodes = root / "sys/devices/system/node"
        everyone = sorted(self._folder.glob("cpu[0-9]*"), key=lambda path: int(path.name[3:]))
        # cpu0 often has no switch, and what has none is on.
        self._cpus = [cpu for cpu in everyone if _text(cpu / "online") != "0"]

    def topology(self) -> Topology:
        """Count CPUs, cores and packages."""
        siblings = {_first(cpu / "topology", "core_cpus_list", "thread_siblings_list") for cpu in self._cpus}
        packages = {_text(cpu / "topology/physical_package_id") for cpu in self._cpus}
        packages -= {None, "-1"}
        known = None not in siblings
        return Topology(len(self._cpus) or None, (len(siblings) or None) if known else None, len(packages) or None)

    def caches(self) -> tuple[Cache, ...]:
        """Give the caches, innermost first; empty where /sys has none (some Arm boards, containers)."""
        return tuple(
            Cache(name, next(iter(sizes.values())), len(sizes), count_cpus(next(iter(sizes))))
            for name, sizes in sorted(self._cache_sizes().items())
        )

    def cache_totals(self) -> tuple[tuple[str, int, int], ...]:
        """Give each cache: its name, the bytes of all instances together, and how many there are.

        Where cores differ, so do their caches: a total is no multiple of one's size.
        """
        found = sorted(self._cache_sizes().items())
        known = [(name, [size for size in sizes.values() if size is not None], len(sizes)) for name, sizes in found]
        return tuple((name, sum(sizes), count) for name, sizes, count in known if len(sizes) == count)

    def _cache_sizes(self) -> dict[str, dict[str, int | None]]:
        """Give the bytes of each instance, by the cache's name and the CPUs that share the instance."""
        found: dict[str, dict[str, int | None]] = {}
        for cpu in self._cpus:
            for index in sorted((cpu / "cache").glob("index[0-9]*")):
                level, kind = _text(index / "level"), _text(index / "type")
                shared = _text(index / "shared_cpu_list") or cpu.name[3:]
                if level and kind in _TYPES:
                    found.setdefault(f"L{level}{_TYPES[kind]}", {})[shared] = _size(_text(index / "size"))
        return found

    def numa_nodes(self) -> int | None:
        """Count NUMA nodes; None where the kernel was built without them."""
        return len(list(self._nodes.glob("node[0-9]*"))) or None

    def frequency_mhz(self, name: str, choose: Callable[[list[float]], float]) -> float | None:
        """Give one of the frequencies that cpufreq has ("cpuinfo_max_freq"), of all CPUs, in MHz."""
        values = [_text(cpu / "cpufreq" / name) for cpu in self._cpus]
        known = [int(value) / 1000 for value in values if value and value.isdecimal()]
        return choose(known) if known else None

    def governors(self) -> tuple[str, ...]:
        """Name the frequency governors in use."""
        named = (_text(cpu / "cpufreq/scaling_governor") for cpu in self._cpus)
        return tuple(dict.fromkeys(name for name in named if name))


def count_cpus(text: str) -> int:
    """Count the CPUs of a list as the kernel writes it ("0-3,8")."""
    spans = re.findall(r"(\d+)(?:-(\d+))?", text)
    return sum(int(last or first) - int(first) + 1 for first, last in spans)


def _size(text: str | None) -> int | None:
    """Read a cache's size ("48K")."""
    return int(text[:-1]) * _KIB if text and text.endswith("K") and text[:-1].isdecimal() else None


def _first(folder: Path, *names: str) -> str | None:
    return next((value for value in map(_text, (folder / name for name in names)) if value), None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
