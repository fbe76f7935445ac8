"""The physical cores that a process may use, with their nodes and kinds, and the places of streams on them.

Memory belongs to a node (NUMA): a core reads that of its own node faster. Hybrid processors have performance and
efficiency cores. Source: kernel documentation, sysfs-devices-system-cpu, sysfs-devices-node, and perf's cpu_core and
cpu_atom.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.machine.cpu.sysfs import CPUS, core_name
from scriptgraph.files.kernel_files import is_listed, read_integer, read_text
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_NODES = "sys/devices/system/node"
_PERFORMANCE, _EFFICIENCY = "performance", "efficiency"
# The kernel lists the two kinds of Intel's hybrid processors here; on Arm, each CPU has a capacity of up to 1024.
_INTEL_KINDS = {_PERFORMANCE: "sys/devices/cpu_core/cpus", _EFFICIENCY: "sys/devices/cpu_atom/cpus"}


@dataclass(frozen=True)
class PhysicalCore:
    """A physical core.

    Attributes:
        cpus: its logical CPUs that this process may use, ascending.
        node: the number of its NUMA node; None if the kernel does not tell.
        kind: "performance" or "efficiency" on hybrid processors; "" where all cores are of one kind.
        speed: a number that is larger for faster cores of one machine; 0 where all are of one kind.
    """

    cpus: tuple[int, ...]
    node: int | None = None
    kind: str = ""
    speed: int = 0


def read_cores(root: Path = Path("/"), affinity: Collection[int] | None = None) -> tuple[PhysicalCore, ...]:
    """Return the physical cores with a CPU in `affinity`, by default this process's, in the order of their first CPUs.

    A CPU without a known core counts as a core of its own.
    """
    allowed = sorted(os.sched_getaffinity(0) if affinity is None else affinity)
    cores: dict[str, list[int]] = {}
    for cpu in allowed:
        cores.setdefault(core_name(root / CPUS / f"cpu{cpu}") or f"cpu{cpu}", []).append(cpu)
    nodes, speeds = _nodes(root), {cpus[0]: _speed(root, cpus[0]) for cpus in cores.values()}
    fastest, mixed = max(speeds.values(), default=0), len(set(speeds.values())) > 1
    return tuple(
        PhysicalCore(
            tuple(cpus),
            next((node for node, text in nodes.items() if is_listed(cpus[0], text)), None),
            (_PERFORMANCE if speeds[cpus[0]] == fastest else _EFFICIENCY) if mixed else "",
            speeds[cpus[0]] if mixed else 0,
        )
        for cpus in cores.values()
    )


def _nodes(root: Path) -> dict[int, str]:
    """Return the list of CPUs of each NUMA node."""
    paths = {whole_number(path.name[4:]): path / "cpulist" for path in (root / _NODES).glob("node[0-9]*")}
    texts = {number: read_text(path) for number, path in paths.items() if number is not None}
    return {number: text for number, text in sorted(texts.items()) if text}


def _speed(root: Path, cpu: int) -> int:
    for speed, kind in ((1, _PERFORMANCE), (0, _EFFICIENCY)):
        if is_listed(cpu, read_text(root / _INTEL_KINDS[kind]) or ""):
            return speed
    return read_integer(root / CPUS / f"cpu{cpu}" / "cpu_capacity") or 0


def node_count(cores: Iterable[PhysicalCore]) -> int:
    """Count the known nodes of cores."""
    return len({core.node for core in cores} - {None})


def core_kinds(cores: Iterable[PhysicalCore]) -> Mapping[str, int]:
    """Return the number of cores of each kind of a hybrid processor; empty where all are of one kind."""
    return dict(sorted(Counter(core.kind for core in cores if core.kind).items(), reverse=True))


def place_streams(cores: Sequence[PhysicalCore], streams: int, threads: int = 1) -> tuple[frozenset[int], ...]:
    """Return the logical CPUs of each stream with `threads` threads.

    A stream stays on one node while a node has room for it. Nodes are filled one after the other, each beginning with
    its fastest cores. While there are physical cores for all threads, a stream has whole cores; further threads get the
    siblings of cores that are in use, and then CPUs are shared.
    """
    whole = streams * threads <= len(cores)
    free = {node: _slots(members, whole=whole) for node, members in _by_node(cores)}
    places: list[frozenset[int]] = []
    for _ in range(streams):
        if sum(map(len, free.values())) < threads:
            free = {node: _slots(members, whole=whole) for node, members in _by_node(cores)}
        places.append(frozenset(_take(free, threads)))
    return tuple(places)


def _by_node(cores: Sequence[PhysicalCore]) -> list[tuple[int | None, list[PhysicalCore]]]:
    """Return the cores of each node, fastest first; the node with the most fast cores first."""
    nodes: dict[int | None, list[PhysicalCore]] = {}
    for core in sorted(cores, key=lambda core: (-core.speed, core.cpus[0])):
        nodes.setdefault(core.node, []).append(core)
    fastest = max((core.speed for core in cores), default=0)
    return sorted(nodes.items(), key=lambda item: -sum(core.speed == fastest for core in item[1]))


def _slots(cores: Sequence[PhysicalCore], *, whole: bool) -> list[tuple[int, ...]]:
    """Return the places of single threads: whole cores, or else CPUs, siblings after the first CPUs of all cores."""
    if whole:
        return [core.cpus for core in cores]
    most = max((len(core.cpus) for core in cores), default=0)
    return [(core.cpus[layer],) for layer in range(most) for core in cores if layer < len(core.cpus)]


def _take(free: dict[int | None, list[tuple[int, ...]]], threads: int) -> list[int]:
    """Remove the places of a stream's threads from the free ones; return their CPUs."""
    roomy = next((slots for slots in free.values() if len(slots) >= threads), None)
    taken: list[int] = []
    for slots in free.values() if roomy is None else [roomy]:
        while slots and threads:
            taken += slots.pop(0)
            threads -= 1
    return taken
