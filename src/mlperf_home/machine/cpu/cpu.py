"""The CPU, as `lscpu -J`, /sys and /proc describe it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.cpu.comparisons import differences, read_frequencies
from mlperf_home.machine.cpu.cpuinfo import Lscpu, parse_lscpu, read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CpuCache, CpuFiles, memory_total_bytes
from mlperf_home.machine.cpu.topology import ComparedTopology, Topology, compare_topologies
from scriptgraph.files.control_groups import cpu_quota, memory_limit_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# The instruction sets that bound the speed of an inference engine, by the kernel's names.
RELEVANT_FEATURES = (
    *("f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)

_COUNTS = ("sockets", "cores", "cores_per_socket", "threads_per_core")
_CPUFREQ = "the kernel has no cpufreq (usual in virtual machines)"
# The reason why a value is None, where there is only one.
_REASONS = {
    "vendor": "neither lscpu nor /proc/cpuinfo names it",
    "model_name": "the CPU has no name or hides it",
    "sockets": "the firmware numbers no packages",
    "logical_cpus": "neither lscpu nor /sys nor /proc/cpuinfo lists them",
    "numa_nodes": "the kernel has no NUMA",
    "caches": "neither /sys nor lscpu lists them",
    **dict.fromkeys(("cores", "cores_per_socket", "threads_per_core"), "the kernel does not report the topology"),
    **dict.fromkeys(("frequency_max_mhz", "frequency_min_mhz", "frequency_now_mhz", "governor"), _CPUFREQ),
}


@dataclass(frozen=True)
class Cpu:
    """The CPU of a machine, and the limits of this process.

    Names are the CPU's or lscpu's, joined by " + " for several kinds of cores. `logical_cpus` counts those on-line.
    `caches` starts with the innermost. Frequencies are the highest and the lowest that a core can run at, and the
    present mean of the cores. `features` are the `RELEVANT_FEATURES` of every core. The process may run on
    `affinity_cpus`. Its control groups limit it to the time of `cgroup_cpus` CPUs and to `memory_limit_bytes` of the
    memory that the kernel manages. `missing` maps the name of each None value to the reason.
    `disagreements` are sentences about sources that differ, or whose counts do not multiply out.
    """

    vendor: str | None  # "GenuineIntel", "AuthenticAMD", "ARM", ...
    model_name: str | None
    architecture: str | None  # "x86_64", "aarch64"
    sockets: int | None
    cores: int | None  # of all sockets
    cores_per_socket: int | None
    threads_per_core: int | None
    logical_cpus: int | None
    numa_nodes: int | None
    caches: tuple[CpuCache, ...]
    frequency_max_mhz: float | None
    frequency_min_mhz: float | None
    frequency_now_mhz: float | None
    governor: str | None  # "performance"
    features: tuple[str, ...]
    hypervisor: str | None  # "KVM"; None if none is known
    affinity_cpus: tuple[int, ...]
    cgroup_cpus: float | None
    memory_total_bytes: int | None
    memory_limit_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)
    disagreements: tuple[str, ...] = ()


def read_cpu(
    lscpu_text: str | None,
    root: Path = Path("/"),
    *,
    affinity: Collection[int] | None = None,
    machine: str | None = None,
) -> Cpu:
    """Combine /sys and /proc below `root` with the output of `cpuinfo.LSCPU`.

    Args:
        lscpu_text: the output with LC_ALL=C; None without lscpu.
        root: the folder with /sys and /proc.
        affinity: the logical CPUs on which the process may run; this process's by default.
        machine: the architecture where lscpu does not name it; this process's by default.
    """
    lscpu = parse_lscpu(lscpu_text) or Lscpu({})
    info, files = read_cpuinfo(root), CpuFiles(root)
    topology = compare_topologies(lscpu, info, files)
    counts = topology.counts
    per_socket = _cores_per_socket(counts)
    (fastest, slowest), differing_frequencies = read_frequencies(lscpu, files)
    limits = _read_limits(root)
    features = info.features or frozenset((lscpu.text("Flags") or "").split())
    cpu = Cpu(
        vendor=lscpu.text("Vendor ID") or info.vendor,
        model_name=lscpu.text("Model name") or info.model_name,
        architecture=lscpu.text("Architecture") or machine or os.uname().machine,
        sockets=counts.sockets,
        cores=counts.cores,
        cores_per_socket=per_socket,
        threads_per_core=counts.threads_per_core,
        logical_cpus=counts.logical,
        numa_nodes=files.numa_nodes() or lscpu.count("NUMA node(s)"),
        caches=files.caches() or _summed_caches(lscpu),
        frequency_max_mhz=fastest,
        frequency_min_mhz=slowest,
        frequency_now_mhz=files.frequency_mhz("scaling_cur_freq", lambda values: sum(values) / len(values))
        or info.frequency_mhz,
        governor=", ".join(files.governors()) or None,
        features=tuple(name for name in RELEVANT_FEATURES if name in features),
        hypervisor=lscpu.text("Hypervisor vendor"),
        affinity_cpus=tuple(sorted(os.sched_getaffinity(0) if affinity is None else affinity)),
        cgroup_cpus=limits.cpus,
        memory_total_bytes=limits.memory,
        memory_limit_bytes=limits.memory_limit,
        disagreements=(*topology.disagreements, *differences(lscpu, files), *differing_frequencies),
    )
    reasons = {**_REASONS, **_topology_reasons(topology), **limits.reasons}
    reasons["hypervisor"] = _no_hypervisor(lscpu, features)
    return replace(cpu, missing={name: why for name, why in reasons.items() if getattr(cpu, name) in (None, ())})


class _Limits(NamedTuple):
    """CPUs and bytes of memory that this process may use, and the reasons for those that are None."""

    cpus: float | None
    memory: int | None
    memory_limit: int | None
    reasons: Mapping[str, str]


def _read_limits(root: Path) -> _Limits:
    quota, no_quota = cpu_quota(root)
    memory, no_memory = memory_total_bytes(root)
    limit, no_limit = memory_limit_bytes(root)
    if memory and limit and limit >= memory:
        limit, no_limit = None, "the control groups allow more than there is"
    reasons = {"cgroup_cpus": no_quota, "memory_total_bytes": no_memory, "memory_limit_bytes": no_limit}
    return _Limits(quota, memory, limit, reasons)


def _summed_caches(lscpu: Lscpu) -> tuple[CpuCache, ...]:
    """Return the caches by lscpu's sums: the size of one is known only with the number of instances."""
    return tuple(CpuCache(name, size // n if n else None, n, None) for name, size, n in lscpu.caches())


def _cores_per_socket(counts: Topology) -> int | None:
    """Return the cores of each socket; None if the counts do not tell, or do not divide."""
    if not counts.cores or not counts.sockets or counts.cores % counts.sockets:
        return None
    return counts.cores // counts.sockets


def _topology_reasons(topology: ComparedTopology) -> dict[str, str]:
    """Return the reasons for unknown counts where the sources contradict each other, or the cores differ."""
    counts = topology.counts
    if topology.disagreements:
        return dict.fromkeys(_COUNTS, "the sources contradict each other, see above")
    reasons = {}
    if counts.cores and counts.sockets and _cores_per_socket(counts) is None:
        reasons["cores_per_socket"] = "the sockets have different numbers of cores"
    if counts.cores and counts.logical and not counts.threads_per_core:
        reasons["threads_per_core"] = "the cores have different numbers of threads"
    return reasons


def _no_hypervisor(lscpu: Lscpu, features: frozenset[str]) -> str:
    if "hypervisor" in features:
        return "unknown maker (the CPU has the hypervisor flag)"
    if (lscpu.text("Architecture") or "").startswith(("aarch64", "arm")):
        return "none detected; on Arm a virtual machine can look like a real one"
    return "none detected"
