"""The CPU, from `lscpu -J`, /sys and /proc, whichever of them tells."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlperf_home.machine.cpu import limits, lscpu
from mlperf_home.machine.cpu.cpuinfo import CpuInfo, read_cpuinfo
from mlperf_home.machine.cpu.sysfs import Cache, CpuFiles, count_cpus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Value = TypeVar("Value")

# What decides how fast an inference engine can be; names as the kernel has them.
RELEVANT_FEATURES = (
    *("f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)


@dataclass(frozen=True)
class Cpu:
    """The CPU of a machine, and what the process may use of it.

    Attributes:
        vendor: "GenuineIntel", "AuthenticAMD", "ARM", ...
        model_name: as the CPU or lscpu names it; several kinds of cores are joined by " + ".
        architecture: "x86_64", "aarch64".
        sockets: packages.
        cores_per_socket: physical cores in one.
        threads_per_core: logical CPUs in a core.
        logical_cpus: those on-line.
        numa_nodes: memory regions.
        caches: innermost first.
        frequency_max_mhz: the most a core can be asked for.
        frequency_min_mhz: the least.
        frequency_now_mhz: when it was read, on average over the cores.
        governor: how frequencies are chosen ("performance").
        features: those of `RELEVANT_FEATURES` that every core has.
        hypervisor: who makes the virtual machine ("KVM"); None if nothing tells of one.
        affinity_cpus: logical CPUs that the process may run on.
        cgroup_cpus: CPUs' worth of time that the process may use.
        memory_total_bytes: memory that the kernel manages.
        memory_limit_bytes: what of it the process may use.
        missing: reasons, by the name of the value that is None.
    """

    vendor: str | None
    model_name: str | None
    architecture: str | None
    sockets: int | None
    cores_per_socket: int | None
    threads_per_core: int | None
    logical_cpus: int | None
    numa_nodes: int | None
    caches: tuple[Cache, ...]
    frequency_max_mhz: float | None
    frequency_min_mhz: float | None
    frequency_now_mhz: float | None
    governor: str | None
    features: tuple[str, ...]
    hypervisor: str | None
    affinity_cpus: tuple[int, ...]
    cgroup_cpus: float | None
    memory_total_bytes: int | None
    memory_limit_bytes: int | None
    missing: Mapping[str, str] = field(default_factory=dict)


def read_cpu(
    lscpu_text: str | None,
    root: Path = Path("/"),
    *,
    affinity: Collection[int] | None = None,
    machine: str | None = None,
) -> Cpu:
    """Put together what the machine tells.

    Args:
        lscpu_text: what `lscpu.LSCPU` printed with LC_ALL=C; None where there is no lscpu.
        root: where /sys and /proc are.
        affinity: logical CPUs that the process may run on; None for this process's.
        machine: the architecture, where lscpu does not tell; None for this process's.
    """
    told = lscpu.parse(lscpu_text) or lscpu.Lscpu({})
    info, files = read_cpuinfo(root), CpuFiles(root)
    notes = _Notes()
    sockets, cores_per_socket, threads_per_core, logical = _topology(told, info, files)
    frequency = "there is no cpufreq (usual in virtual machines)"
    quota, no_quota = limits.cpu_quota(root)
    memory, no_memory = limits.memory_total_bytes(root)
    memory_limit, no_memory_limit = limits.memory_limit_bytes(root)
    features = info.features or frozenset((told.text("Flags") or "").split())
    caches = files.caches() or _caches_of(told)
    if not caches:
        notes.because("caches", "neither /sys nor lscpu tells")
    return Cpu(
        vendor=notes.of("vendor", told.text("Vendor ID") or info.vendor, "neither lscpu nor /proc/cpuinfo tells"),
        model_name=notes.of(
            "model_name", told.text("Model name") or info.model_name, "the CPU does not tell its name, or hides it"
        ),
        architecture=told.text("Architecture") or machine or os.uname().machine,
        sockets=notes.of("sockets", sockets, "the firmware numbers no packages"),
        cores_per_socket=notes.of("cores_per_socket", cores_per_socket, "the kernel does not tell the topology"),
        threads_per_core=notes.of("threads_per_core", threads_per_core, "the kernel does not tell the topology"),
        logical_cpus=notes.of("logical_cpus", logical, "neither lscpu nor /sys nor /proc/cpuinfo tells"),
        numa_nodes=notes.of("numa_nodes", told.count("NUMA node(s)") or files.numa_nodes(), "the kernel has no NUMA"),
        caches=caches,
        frequency_max_mhz=notes.of(
            "frequency_max_mhz", told.greatest("CPU max MHz") or files.frequency_mhz("cpuinfo_max_freq", max), frequency
        ),
        frequency_min_mhz=notes.of(
            "frequency_min_mhz", told.number("CPU min MHz") or files.frequency_mhz("cpuinfo_min_freq", min), frequency
        ),
        frequency_now_mhz=notes.of(
            "frequency_now_mhz", files.frequency_mhz("scaling_cur_freq", _mean) or info.frequency_mhz, frequency
        ),
        governor=notes.of("governor", ", ".join(files.governors()) or None, frequency),
        features=tuple(name for name in RELEVANT_FEATURES if name in features),
        hypervisor=notes.of("hypervisor", told.text("Hypervisor vendor"), _no_hypervisor(told, features)),
        affinity_cpus=tuple(sorted(os.sched_getaffinity(0) if affinity is None else affinity)),
        cgroup_cpus=notes.of("cgroup_cpus", quota, no_quota),
        memory_total_bytes=notes.of("memory_total_bytes", memory, no_memory),
        memory_limit_bytes=notes.of("memory_limit_bytes", memory_limit, no_memory_limit),
        missing=notes.reasons,
    )


class _Notes:
    """Collects why values are None."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def of(self, name: str, value: Value | None, reason: str) -> Value | None:
        """Pass a value on; note the reason if it is None."""
        if value is None:
            self.because(name, reason)
        return value

    def because(self, name: str, reason: str) -> None:
        """Note a reason."""
        self.reasons[name] = reason


def _topology(
    told: lscpu.Lscpu, info: CpuInfo, files: CpuFiles
) -> tuple[int | None, int | None, int | None, int | None]:
    """Give sockets, cores per socket, threads per core, logical CPUs on-line.

    lscpu counts cores "per cluster" and has no sockets where an Arm machine's firmware does not
    number packages.
    """
    seen = files.topology()
    online = told.fields.get("On-line CPU(s) list")
    logical = seen.logical_cpus or (count_cpus(online[0]) if online else None) or len(info.processors) or None
    cores = seen.cores or info.cores
    sockets = told.count("Socket(s)") or seen.sockets or info.sockets
    per_socket = told.total("Core(s) per socket")
    if per_socket is None and cores is not None and sockets:
        per_socket = cores // sockets
    threads = told.count("Thread(s) per core")
    if threads is None and cores and logical:
        threads = max(1, logical // cores)
    return sockets, per_socket, threads, logical


def _caches_of(told: lscpu.Lscpu) -> tuple[Cache, ...]:
    """Give the caches as lscpu sums them up; the size of one only where it says how many there are."""
    return tuple(
        Cache(name, total // instances if instances else None, instances, None)
        for name, total, instances in told.caches()
    )


def _no_hypervisor(told: lscpu.Lscpu, features: frozenset[str]) -> str:
    if "hypervisor" in features:
        return "a virtual machine (the CPU has the hypervisor flag) whose maker nothing names"
    if (told.text("Architecture") or "").startswith(("aarch64", "arm")):
        return "nothing tells of one; on Arm a virtual machine can look like a real one"
    return "nothing tells of one"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
