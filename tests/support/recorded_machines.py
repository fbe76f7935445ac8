"""Outputs of eight kinds of machines, in the formats of their kernels and of util-linux.

Written by hand after the outputs of such machines, and shortened: a few CPUs stand for many.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Machine:
    """One machine: lscpu's output (None where it is absent) and files by path."""

    lscpu: str | None
    files: dict[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> Path:
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return root


def lscpu_json(text: str) -> str:
    """Turn lines "Field: value" into flat JSON, as lscpu before 2.37 and from 2.38 on prints it."""
    pairs = (line.strip().partition(":") for line in text.strip().splitlines())
    return json.dumps({"lscpu": [{"field": f"{name}:", "data": value.strip() or None} for name, _, value in pairs]})


def cpu_files(number: int, siblings: str, package: int, caches: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return the files of /sys for one logical CPU; caches as {"L1d": ("32K", "0-1")}."""
    folder = f"sys/devices/system/cpu/cpu{number}"
    files = {
        f"{folder}/topology/core_cpus_list": f"{siblings}\n",
        f"{folder}/topology/physical_package_id": f"{package}\n",
    }
    for index, (name, (size, shared)) in enumerate(caches.items()):
        kind = {"d": "Data", "i": "Instruction"}.get(name[2:], "Unified")
        for field_name, value in (("level", name[1]), ("type", kind), ("size", size), ("shared_cpu_list", shared)):
            files[f"{folder}/cache/index{index}/{field_name}"] = f"{value}\n"
    return files


def processors(count: int, text: str, **varying: list[str]) -> str:
    """Return /proc/cpuinfo: the same block for each CPU, except for the fields in `varying`."""
    blocks = []
    for number in range(count):
        lines = [f"processor\t: {number}", text.strip()]
        lines += [f"{name.replace('_', ' ')}\t: {values[number]}" for name, values in varying.items()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks) + "\n"


def _xeon_vm() -> Machine:
    flags = (
        "fpu sse4_2 fma avx f16c hypervisor avx2 avx512f avx512_bf16 amx_bf16 avx512_fp16 avx512_vnni amx_tile amx_int8"
    )
    lscpu = f"""
        Architecture: x86_64
        CPU(s): 4
        On-line CPU(s) list: 0-3
        Vendor ID: GenuineIntel
        Model name: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
        Thread(s) per core: 2
        Core(s) per socket: 2
        Socket(s): 1
        Flags: {flags}
        Hypervisor vendor: KVM
        Virtualization type: full
        L1d cache: 96 KiB (2 instances)
        L1i cache: 64 KiB (2 instances)
        L2 cache: 4 MiB (2 instances)
        L3 cache: 105 MiB (1 instance)
        NUMA node(s): 1
        Vulnerability Spectre v1: Mitigation; usercopy/swapgs barriers and __user pointer sanitization
    """
    files: dict[str, str] = {
        "proc/cpuinfo": processors(
            4,
            "vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz\n"
            f"flags\t\t: {flags}",
            cpu_MHz=["2699.998"] * 4,
            physical_id=["0"] * 4,
            core_id=["0", "0", "1", "1"],
        ),
        "proc/meminfo": "MemTotal:       16374472 kB\nMemFree:  1 kB\n",
        "proc/self/cgroup": "0::/user.slice/session-1.scope\n",
        "sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
        "sys/devices/system/node/node0/cpulist": "0-3\n",
    }
    for number in range(4):
        pair = "0-1" if number < 2 else "2-3"
        caches = {"L1d": ("48K", pair), "L1i": ("32K", pair), "L2": ("2048K", pair), "L3": ("107520K", "0-3")}
        files |= cpu_files(number, pair, 0, caches)
    return Machine(lscpu_json(lscpu), files)


def _ryzen() -> Machine:
    lscpu = """
        Architecture: x86_64
        CPU(s): 16
        On-line CPU(s) list: 0-15
        Vendor ID: AuthenticAMD
        Model name: AMD Ryzen 7 5800X 8-Core Processor
        Thread(s) per core: 2
        Core(s) per socket: 8
        Socket(s): 1
        Frequency boost: enabled
        CPU(s) scaling MHz: 61%
        CPU max MHz: 4850.1948
        CPU min MHz: 2200.0000
        Flags: fpu sse4_2 fma avx f16c avx2 sha_ni
        L1d cache: 256 KiB (8 instances)
        L3 cache: 32 MiB (1 instance)
        NUMA node(s): 1
    """
    files = {"proc/meminfo": "MemTotal: 32776444 kB\n", "proc/self/cgroup": "0::/\n"}
    for number in range(16):
        core = number % 8
        siblings = f"{core},{core + 8}"
        files |= cpu_files(number, siblings, 0, {"L1d": ("32K", siblings), "L3": ("32768K", "0-15")})
        folder = f"sys/devices/system/cpu/cpu{number}/cpufreq"
        files[f"{folder}/scaling_governor"] = "performance\n" if number < 15 else "powersave\n"
        files[f"{folder}/scaling_cur_freq"] = f"{3_000_000 + 1000 * number}\n"
        files[f"{folder}/cpuinfo_max_freq"] = "4850194\n"
    return Machine(lscpu_json(lscpu), files)


def _graviton2() -> Machine:
    lscpu = """
        Architecture: aarch64
        CPU op-mode(s): 32-bit, 64-bit
        CPU(s): 2
        On-line CPU(s) list: 0,1
        Vendor ID: ARM
        Model name: Neoverse-N1
        Thread(s) per core: 1
        Core(s) per socket: 2
        Socket(s): 1
        Stepping: r3p1
        BogoMIPS: 243.75
        Flags: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
        L1d cache: 128 KiB (2 instances)
        L1i cache: 128 KiB (2 instances)
        L2 cache: 2 MiB (2 instances)
        L3 cache: 32 MiB (1 instance)
        NUMA node(s): 1
    """
    return Machine(lscpu_json(lscpu), {"proc/meminfo": "MemTotal: 7948328 kB\n"})


PI_FEATURES = "fp asimd evtstrm crc32 cpuid"


def _raspberry_pi_4() -> Machine:
    # util-linux 2.33 of Debian 10 has no instances; a size may be that of one cache or of all.
    lscpu = """
        Architecture: aarch64
        CPU(s): 4
        On-line CPU(s) list: 0-3
        Thread(s) per core: 1
        Core(s) per socket: 4
        Socket(s): 1
        Vendor ID: ARM
        Model: 3
        Model name: Cortex-A72
        CPU max MHz: 1500.0000
        CPU min MHz: 600.0000
        BogoMIPS: 108.00
        L1d cache: 32K
        L2 cache: 1024K
        Flags: fp asimd evtstrm crc32 cpuid
    """
    files = {
        "proc/cpuinfo": processors(
            4,
            f"BogoMIPS\t: 108.00\nFeatures\t: {PI_FEATURES}\nCPU implementer\t: 0x41\nCPU part\t: 0xd08",
        )
        + "Hardware\t: BCM2835\nRevision\t: c03112\nModel\t\t: Raspberry Pi 4 Model B Rev 1.2\n",
        "proc/meminfo": "MemTotal: 3884376 kB\n",
        "proc/self/cgroup": "3:cpu,cpuacct:/user.slice\n0::/user.slice\n",
    }
    for number in range(4):
        files |= cpu_files(number, str(number), 0, {})
        files[f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor"] = "ondemand\n"
    return Machine(lscpu_json(lscpu), files)


def _container() -> Machine:
    """Return a container without lscpu and /sys; cgroup v1 (with the outer machine's path) allows it half a CPU."""
    flags = "fpu sse4_2 fma avx f16c avx2 avx512f avx512_vnni hypervisor"
    return Machine(
        None,
        {
            "proc/cpuinfo": processors(
                4,
                f"vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\nflags\t\t: {flags}",
                cpu_MHz=["2200.000", "2200.000", "2300.000", "2300.000"],
                physical_id=["0", "0", "1", "1"],
                core_id=["0", "0", "0", "0"],
            ),
            "proc/meminfo": "MemTotal: 8148328 kB\n",
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/0123abc\n5:memory:/docker/0123abc\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
        },
    )


def _apple_vm() -> Machine:
    """Return Linux in a virtual machine on Apple silicon: no part number, no sockets, "-" for names."""
    features = "fp asimd evtstrm aes atomics fphp asimdhp cpuid asimddp sha512 asimdfhm i8mm bf16 flagm2 frint"
    lscpu = f"""
        Architecture: aarch64
        CPU(s): 4
        On-line CPU(s) list: 0-3
        Vendor ID: Apple
        Model name: -
        Model: 0
        Thread(s) per core: 1
        Core(s) per cluster: 4
        Socket(s): -
        Cluster(s): 1
        Stepping: 0x0
        BogoMIPS: 48.00
        Flags: {features}
        NUMA node(s): 1
    """
    files = {
        "proc/cpuinfo": processors(
            4, f"BogoMIPS\t: 48.00\nFeatures\t: {features}\nCPU implementer\t: 0x61\nCPU part\t: 0x000"
        ),
        "proc/meminfo": "MemTotal: 8126488 kB\n",
    }
    for number in range(4):
        files |= cpu_files(number, str(number), -1, {})
    return Machine(lscpu_json(lscpu), files)


def _hybrid_arm() -> Machine:
    """Return two kinds of cores with different features, in nested JSON, and one CPU off-line."""

    def entry(name: str, data: str | None, *children: dict[str, object]) -> dict[str, object]:
        return {"field": f"{name}:", "data": data, **({"children": list(children)} if children else {})}

    def kind(name: str, fastest: str) -> dict[str, object]:
        topology = [entry(label, "1") for label in ("Thread(s) per core", "Core(s) per socket", "Socket(s)")]
        return entry("Model name", name, *topology, entry("CPU max MHz", fastest))

    lscpu = {
        "lscpu": [
            entry("Architecture", "aarch64"),
            entry("CPU(s)", "3", entry("On-line CPU(s) list", "0,1"), entry("Off-line CPU(s) list", "2")),
            entry("Vendor ID", "ARM", kind("Cortex-A510", "2016.0000"), kind("Cortex-A710", "2803.2000")),
            entry(
                "Caches (sum of all)", None, entry("L1d", "96 KiB (2 instances)"), entry("L2", "512 KiB (1 instance)")
            ),
        ]
    }
    files = {
        "proc/cpuinfo": processors(
            2,
            "CPU implementer\t: 0x41",
            Features=["asimd asimddp i8mm bf16", "asimd asimddp"],
            CPU_part=["0xd46", "0xd47"],
        ),
    }
    for number in range(3):
        files |= cpu_files(number, str(number), 0, {})
    files["sys/devices/system/cpu/cpu2/online"] = "0\n"
    return Machine(json.dumps(lscpu), files)


MACHINES = {
    "xeon-vm": _xeon_vm(),
    "ryzen": _ryzen(),
    "graviton2": _graviton2(),
    "raspberry-pi-4": _raspberry_pi_4(),
    "container": _container(),
    "apple-vm": _apple_vm(),
    "hybrid-arm": _hybrid_arm(),
    "nothing": Machine(None),
}
