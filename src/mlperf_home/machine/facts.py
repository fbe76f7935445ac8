"""The facts of a machine: CPU, operating system, memory, disks, network and product."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from mlperf_home.machine.container import read_container
from mlperf_home.machine.cpu.cpu import Cpu, read_cpu
from mlperf_home.machine.cpu.cpuinfo import Lscpu, parse_lscpu, read_cpuinfo
from mlperf_home.machine.cpu.sysfs import CpuFiles
from mlperf_home.machine.devices import Network, Storage, read_network, read_storage
from mlperf_home.machine.firmware import MachineProduct, MemoryModule, parse_modules, read_product
from mlperf_home.machine.operating_system import OperatingSystem, read_os
from scriptgraph.files.kernel_files import read_line

# Commands that print a C compiler's version, in order of preference; run with LC_ALL=C.
COMPILERS = (("gcc", "--version"), ("clang", "--version"), ("cc", "--version"))


_GIB = 1 << 30
_LEAST_MANAGED = 0.75


@dataclass(frozen=True)
class MachineFacts:
    """The known facts of a machine.

    Attributes:
        core_numbers: an Arm core's numbers, see `cpuinfo.CpuInfo.core_numbers`.
        cache_totals: each cache's name, the total bytes of its instances, and their number.
        memory_modules: None if dmidecode was not run.
        python: the version of this Python; None when the files of another machine are read.
        disagreements: sentences about sources that contradict each other.
        compiler: the first line of the C compiler's version text; None without a compiler.
        container: the container of this process in words; None outside, and when the files of another machine are read.
    """

    cpu: Cpu
    core_numbers: str | None
    cache_totals: tuple[tuple[str, int, int], ...]
    os: OperatingSystem
    host_name: str | None
    product: MachineProduct
    memory_modules: tuple[MemoryModule, ...] | None
    storage: Storage
    network: Network
    python: str | None
    compiler: str | None
    disagreements: tuple[str, ...] = ()
    container: str | None = None


def read_machine(
    root: Path = Path("/"), lscpu: str | None = None, dmidecode: str | None = None, *, compiler: str | None = None
) -> MachineFacts:
    """Read the facts of a machine; unknown facts are None and raise nothing.

    Args:
        root: the folder with /sys, /proc and /etc. Facts that only a system call returns (the versions of the C
            library and of Python) are left out unless it is "/".
        lscpu: the output of `cpuinfo.LSCPU` with LC_ALL=C; None without it.
        dmidecode: the output of `firmware.DMIDECODE`, likewise.
        compiler: the output of one of `COMPILERS`, likewise.
    """
    here = root.resolve() == Path("/")
    fields, info, files = parse_lscpu(lscpu) or Lscpu({}), read_cpuinfo(root), CpuFiles(root)
    cpu = read_cpu(lscpu, root, machine=None if here else "unknown")
    modules, differing = _modules(dmidecode, cpu)
    container = read_container() if here else None
    host_name = read_line(root / "proc/sys/kernel/hostname") or read_line(root / "etc/hostname")
    kernel = read_line(root / "proc/sys/kernel/osrelease") or ""
    recorded = os.uname_result(("Linux", "", kernel, "", cpu.architecture or ""))
    return MachineFacts(
        cpu=cpu,
        core_numbers=info.core_numbers,
        # Without the number of instances, a size of lscpu is ambiguous.
        cache_totals=files.cache_totals()
        or tuple((name, size, count) for name, size, count in fields.caches() if count),
        os=read_os(root) if here else read_os(root, uname=lambda: recorded, confstr=lambda _name: None),
        host_name=host_name or (platform.node() or None if here else None),
        product=read_product(root),
        memory_modules=modules,
        storage=read_storage(root),
        network=read_network(root),
        python=platform.python_version() if here else None,
        compiler=next(iter((compiler or "").strip().splitlines()), None),
        disagreements=(*cpu.disagreements, *differing),
        container=container.in_words() if container else None,
    )


def _modules(dmidecode: str | None, cpu: Cpu) -> tuple[tuple[MemoryModule, ...] | None, tuple[str, ...]]:
    """Return the memory modules, unless the kernel has more memory than they, and sentences about a difference."""
    if dmidecode is None:
        return None, ()
    modules = parse_modules(dmidecode)
    installed, managed = sum(each.size_bytes for each in modules), cpu.memory_total_bytes
    if not installed or not managed:
        return modules, ()
    told = f"dmidecode tells of {installed / _GIB:.1f} GiB of memory, /proc/meminfo of {managed / _GIB:.1f} GiB"
    if installed < managed:
        return (), (f"{told}: the modules are not used",)
    # The kernel and the firmware keep some for themselves.
    return modules, (told,) if managed < _LEAST_MANAGED * installed else ()
