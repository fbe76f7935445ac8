"""The CPU, from `lscpu -J`, /sys and /proc, whichever of them tells."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.machine.cpu.cpuinfo import CpuInfo, Lscpu, parse_lscpu, read_cpuinfo
from mlperf_home.machine.cpu.sysfs import Cache, CpuFiles, cpu_quota, memory_limit_bytes, memory_total_bytes
from scriptgraph.files.kernel_files import count_listed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What decides how fast an inference engine can be; names as the kernel has them.
RELEVANT_FEATURES = (
    *("f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)

_CPUFREQ = "there is no cpufreq (usual in virtual machines)"
# Why a value is None, where the reason is always the same.
_REASONS = {
    "vendor": "neither lscpu nor /proc/cpuinfo tells",
    "model_name": "the CPU does not tell its name, or hides it",
    "sockets": "the firmware numbers no packages",
    "logical_cpus": "neither lscpu nor /sys nor /proc/cpuinfo tells",
    "numa_nodes": "the kernel has no NUMA",
    "caches": "neither /sys nor lscpu tells",
    **dict.fromkeys(("cores_per_socket", "threads_per_core"), "the kernel does not tell the topology"),
    **dict.fromkeys(("frequency_max_mhz", "frequency_min_mhz", "frequency_now_mhz", "governor"), _CPUFREQ),
}


@dataclass(frozen=True)
class Cpu:
    """The CPU of a machine, and what the process may use of it.

    Names are the CPU's or lscpu's; several kinds of cores are joined by " + ". Logical CPUs are those on-line; caches
    go from the innermost; frequencies are the most and the least that a core can be asked for, and the present one, on
    average over the cores; features are those of `RELEVANT_FEATURES` that every core has. The process may run on the
    affinity's logical CPUs, use so many CPUs' worth of time by its control groups, and so much of the memory that the
    kernel manages. `missing` has reasons, by the name of the value that is None.
    """

    vendor: str | None  # "GenuineIntel", "AuthenticAMD", "ARM", ...
    model_name: str | None
    architecture: str | None  # "x86_64", "aarch64"
    sockets: int | None
    cores_per_socket: int | None
    threads_per_core: int | None
    logical_cpus: int | None
    numa_nodes: int | None
    caches: tuple[Cache, ...]
    frequency_max_mhz: float | None
    frequency_min_mhz: float | None
    frequency_now_mhz: float | None
    governor: str | None  # "performance"
    features: tuple[str, ...]
    hypervisor: str | None  # "KVM"; None if nothing tells of one
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
    """Put together what /sys and /proc below `root` and `cpuinfo.LSCPU` tell.

    The latter's text was printed with LC_ALL=C; None where there is no lscpu. The affinity, and the architecture
    (`machine`) where lscpu does not tell it, are this process's unless they are passed.
    """
    told = parse_lscpu(lscpu_text) or Lscpu({})
    info, files = read_cpuinfo(root), CpuFiles(root)
    sockets, cores_per_socket, threads_per_core, logical = _topology(told, info, files)
    quota, no_quota = cpu_quota(root)
    memory, no_memory = memory_total_bytes(root)
    memory_limit, no_memory_limit = memory_limit_bytes(root)
    features = info.features or frozenset((told.text("Flags") or "").split())
    cpu = Cpu(
        vendor=told.text("Vendor ID") or info.vendor,
        model_name=told.text("Model name") or info.model_name,
        architecture=told.text("Architecture") or machine or os.uname().machine,
        sockets=sockets,
        cores_per_socket=cores_per_socket,
        threads_per_core=threads_per_core,
        logical_cpus=logical,
        numa_nodes=told.count("NUMA node(s)") or files.numa_nodes(),
        # Of lscpu's sums, the size of one cache is known only where it says how many there are.
        caches=files.caches()
        or tuple(Cache(name, size // n if n else None, n, None) for name, size, n in told.caches()),
        frequency_max_mhz=max(told.numbers("CPU max MHz"), default=None)
        or files.frequency_mhz("cpuinfo_max_freq", max),
        frequency_min_mhz=next(iter(told.numbers("CPU min MHz")), None) or files.frequency_mhz("cpuinfo_min_freq", min),
        frequency_now_mhz=files.frequency_mhz("scaling_cur_freq", lambda values: sum(values) / len(values))
        or info.frequency_mhz,
        governor=", ".join(files.governors()) or None,
        features=tuple(name for name in RELEVANT_FEATURES if name in features),
        hypervisor=told.text("Hypervisor vendor"),
        affinity_cpus=tuple(sorted(os.sched_getaffinity(0) if affinity is None else affinity)),
        cgroup_cpus=quota,
        memory_total_bytes=memory,
        memory_limit_bytes=memory_limit,
    )
    reasons = {
        **_REASONS,
        "hypervisor": _no_hypervisor(told, features),
        "cgroup_cpus": no_quota,
        "memory_total_bytes": no_memory,
        "memory_limit_bytes": no_memory_limit,
    }
    return replace(cpu, missing={name: why for name, why in reasons.items() if getattr(cpu, name) in (None, ())})


def _topology(told: Lscpu, info: CpuInfo, files: CpuFiles) -> tuple[int | None, int | None, int | None, int | None]:
    """Return sockets, cores per socket, threads per core, logical CPUs on-line.

    lscpu counts cores "per cluster" and has no sockets where an Arm machine's firmware does not number packages.
    """
    online = told.fields.get("On-line CPU(s) list", [""])[0]
    logical = files.logical_cpus or count_listed(online) or len(info.processors) or None
    cores = files.cores() or info.cores
    sockets = told.count("Socket(s)") or files.sockets() or info.sockets
    per_socket = told.total("Core(s) per socket")
    if per_socket is None and cores is not None and sockets:
        per_socket = cores // sockets
    threads = told.count("Thread(s) per core")
    if threads is None and cores and logical:
        threads = max(1, logical // cores)
    return sockets, per_socket, threads, logical


def _no_hypervisor(told: Lscpu, features: frozenset[str]) -> str:
    if "hypervisor" in features:
        return "a virtual machine (the CPU has the hypervisor flag) whose maker nothing names"
    if (told.text("Architecture") or "").startswith(("aarch64", "arm")):
        return "nothing tells of one; on Arm a virtual machine can look like a real one"
    return "nothing tells of one"
