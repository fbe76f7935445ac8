"""All that a machine tells of itself, read at once."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from mlperf_home.machine.cpu.cpu import Cpu, read_cpu
from mlperf_home.machine.cpu.cpuinfo import CpuInfo, Lscpu, parse_lscpu, read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CpuFiles
from mlperf_home.machine.devices import Network, Storage, read_network, read_storage
from mlperf_home.machine.firmware import MemoryModule, Product, parse_modules, read_product
from mlperf_home.machine.operating_system import OperatingSystem, read_os
from scriptgraph.files.kernel_files import read_line

# Asks whatever compiler there is for its version; run it with LC_ALL=C.
COMPILERS = (("gcc", "--version"), ("clang", "--version"), ("cc", "--version"))


@dataclass(frozen=True)
class HostFacts:
    """A machine, as far as it tells.

    `core_numbers` is what an Arm core tells in place of a name, `cores` counts the physical cores of all sockets;
    `cache_totals` has each cache's name, the bytes of all instances together, and how many there are. `memory_modules`
    is None where dmidecode was not asked, the version of `python`, which reads, for another machine's files; `compiler`
    is the first line of what the C compiler says of itself, None without one.
    """

    cpu: Cpu
    core_numbers: str | None
    cores: int | None
    cache_totals: tuple[tuple[str, int, int], ...]
    os: OperatingSystem
    host_name: str | None
    product: Product
    memory_modules: tuple[MemoryModule, ...] | None
    storage: Storage
    network: Network
    python: str | None
    compiler: str | None


def read_host(
    root: Path = Path("/"), lscpu: str | None = None, dmidecode: str | None = None, *, compiler: str | None = None
) -> HostFacts:
    """Put together what a machine tells; never fails for what it does not tell.

    Its /sys, /proc and /etc are below `root`. What only a call into the system tells (the C library's version, this
    Python's) is left out where root is not "/". The other arguments are what `cpuinfo.LSCPU`,
    `firmware.DMIDECODE` and one of `COMPILERS` printed with LC_ALL=C; None where there is none.
    """
    here = root.resolve() == Path("/")
    told, info, files = parse_lscpu(lscpu) or Lscpu({}), read_cpuinfo(root), CpuFiles(root)
    cpu = read_cpu(lscpu, root, machine=None if here else "unknown")
    host_name = read_line(root / "proc/sys/kernel/hostname") or read_line(root / "etc/hostname")
    kernel = read_line(root / "proc/sys/kernel/osrelease") or ""
    recorded = os.uname_result(("Linux", "", kernel, "", cpu.architecture or ""))
    return HostFacts(
        cpu=cpu,
        core_numbers=info.core_numbers,
        cores=_cores(told, info, files, cpu),
        # Where lscpu does not count the instances, its sums cannot be trusted.
        cache_totals=files.cache_totals() or tuple((name, size, count) for name, size, count in told.caches() if count),
        os=read_os(root) if here else read_os(root, uname=lambda: recorded, confstr=lambda _name: None),
        host_name=host_name or (platform.node() or None if here else None),
        product=read_product(root),
        memory_modules=None if dmidecode is None else parse_modules(dmidecode),
        storage=read_storage(root),
        network=read_network(root),
        python=platform.python_version() if here else None,
        compiler=next(iter((compiler or "").strip().splitlines()), None),
    )


def _cores(told: Lscpu, info: CpuInfo, files: CpuFiles, cpu: Cpu) -> int | None:
    """Count physical cores. Without packages, lscpu counts them by clusters."""
    if cpu.sockets and cpu.cores_per_socket:
        return cpu.sockets * cpu.cores_per_socket
    seen = files.cores() or info.cores
    clusters, per_cluster = told.count("Cluster(s)"), told.count("Core(s) per cluster")
    return seen or (clusters * per_cluster if clusters and per_cluster else None)
