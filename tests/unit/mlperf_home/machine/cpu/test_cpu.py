"""The CPU is read from /proc, /sys and lscpu; unknown values have reasons."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from recorded_machines import MACHINES, Machine

from mlperf_home.engines.engine import cores_cpus
from mlperf_home.machine.cpu.cpu import RELEVANT_FEATURES, Cpu, read_cpu
from mlperf_home.machine.cpu.cpuinfo import LSCPU, Lscpu, parse_lscpu
from mlperf_home.machine.cpu.sysfs import CpuCache
from scriptgraph.files.kernel_files import count_listed

if TYPE_CHECKING:
    from pathlib import Path

NO_CPUFREQ = "the kernel has no cpufreq (usual in virtual machines)"


def read(name: str, root: Path, **options: Any) -> Cpu:
    machine = MACHINES[name]
    return read_cpu(machine.lscpu, machine.write(root), affinity=[1, 0], machine="test", **options)


def test_xeon_vm(tmp_path: Path) -> None:
    cpu = read("xeon-vm", tmp_path)

    assert (cpu.vendor, cpu.model_name) == ("GenuineIntel", "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz")
    assert (cpu.architecture, cpu.hypervisor, cpu.numa_nodes) == ("x86_64", "KVM", 1)
    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (1, 2, 2, 4)
    assert cpu.caches == (
        CpuCache("L1d", 48 << 10, 2, 2),
        CpuCache("L1i", 32 << 10, 2, 2),
        CpuCache("L2", 2 << 20, 2, 2),
        CpuCache("L3", 105 << 20, 1, 4),
    )
    assert {"avx512_vnni", "amx_int8", "amx_bf16", "avx512_bf16"} <= set(cpu.features)
    assert (cpu.frequency_max_mhz, cpu.frequency_now_mhz) == (None, 2699.998)
    assert cpu.missing["frequency_max_mhz"] == NO_CPUFREQ
    assert cpu.missing["governor"] == NO_CPUFREQ
    assert (cpu.memory_total_bytes, cpu.affinity_cpus) == (16374472 * 1024, (0, 1))
    assert (cpu.cgroup_cpus, cpu.missing["cgroup_cpus"]) == (None, "no control group sets a limit")


def test_ryzen(tmp_path: Path) -> None:
    cpu = read("ryzen", tmp_path)

    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (1, 8, 2, 16)
    assert (cpu.frequency_max_mhz, cpu.frequency_min_mhz, cpu.frequency_now_mhz) == (4850.1948, 2200.0, 3007.5)
    assert cpu.governor == "performance, powersave"
    assert cpu.features == ("f16c", "fma", "avx2")
    assert cpu.caches == (CpuCache("L1d", 32 << 10, 8, 2), CpuCache("L3", 32 << 20, 1, 16))
    assert (cpu.hypervisor, cpu.missing["hypervisor"]) == (None, "none detected")


def test_graviton2_from_lscpu_alone(tmp_path: Path) -> None:
    cpu = read("graviton2", tmp_path)

    assert (cpu.vendor, cpu.model_name, cpu.architecture) == ("ARM", "Neoverse-N1", "aarch64")
    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (1, 2, 1, 2)
    assert cpu.caches[0] == CpuCache("L1d", 64 << 10, 2, None)
    assert cpu.features == ("asimd", "asimdhp", "asimddp")
    assert "on Arm a virtual machine can look like a real one" in cpu.missing["hypervisor"]
    assert cpu.missing["cgroup_cpus"] == "/proc/self/cgroup cannot be read"


def test_raspberry_pi_4_with_an_old_lscpu(tmp_path: Path) -> None:
    cpu = read("raspberry-pi-4", tmp_path)

    assert (cpu.model_name, cpu.logical_cpus, cpu.governor) == ("Cortex-A72", 4, "ondemand")
    assert (cpu.frequency_max_mhz, cpu.frequency_min_mhz, cpu.frequency_now_mhz) == (1500.0, 600.0, None)
    # With an lscpu of that age, "32K" may be one cache or the sum of four.
    assert cpu.caches == (CpuCache("L1d", None, None, None), CpuCache("L2", None, None, None))
    assert cpu.numa_nodes is None
    assert cpu.missing["numa_nodes"] == "the kernel has no NUMA"


def test_raspberry_pi_4_without_lscpu(tmp_path: Path) -> None:
    cpu = read_cpu(None, MACHINES["raspberry-pi-4"].write(tmp_path), machine="aarch64")

    assert (cpu.vendor, cpu.model_name, cpu.architecture) == ("ARM", "Cortex-A72", "aarch64")
    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (1, 4, 1, 4)
    assert cpu.features == ("asimd",)


def test_container_without_lscpu_and_sys(tmp_path: Path) -> None:
    cpu = read("container", tmp_path)

    assert (cpu.vendor, cpu.model_name) == ("GenuineIntel", "Intel(R) Xeon(R) CPU @ 2.20GHz")
    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (2, 1, 2, 4)
    assert cpu.frequency_now_mhz == 2250.0
    assert (cpu.cgroup_cpus, cpu.memory_limit_bytes) == (0.5, 1 << 30)
    assert (cpu.caches, cpu.missing["caches"]) == ((), "neither /sys nor lscpu lists them")
    assert "has the hypervisor flag" in cpu.missing["hypervisor"]
    assert cpu.features == ("f16c", "fma", "avx2", "avx512f", "avx512_vnni")


def test_apple_silicon_vm_hides_its_name_and_sockets(tmp_path: Path) -> None:
    cpu = read("apple-vm", tmp_path)

    assert (cpu.vendor, cpu.model_name, cpu.sockets) == ("Apple", None, None)
    assert cpu.missing["model_name"] == "the CPU has no name or hides it"
    assert cpu.missing["sockets"] == "the firmware numbers no packages"
    assert (cpu.cores_per_socket, cpu.threads_per_core, cpu.logical_cpus) == (None, 1, 4)
    assert cpu.features == ("asimd", "asimdhp", "asimddp", "i8mm", "bf16")


def test_two_kinds_of_cores_share_few_features(tmp_path: Path) -> None:
    cpu = read("hybrid-arm", tmp_path)

    assert cpu.model_name == "Cortex-A510 + Cortex-A710"
    assert cpu.features == ("asimd", "asimddp")
    assert (cpu.sockets, cpu.cores_per_socket, cpu.threads_per_core) == (1, 2, 1)
    assert cpu.logical_cpus == 2  # the third is off-line
    assert cpu.caches == (CpuCache("L1d", 48 << 10, 2, None), CpuCache("L2", 512 << 10, 1, None))
    assert read_cpu(None, tmp_path).model_name == "Cortex-A510 + Cortex-A710"


def test_machine_without_files(tmp_path: Path) -> None:
    cpu = read("nothing", tmp_path)

    assert cpu.architecture == "test"
    assert cpu.affinity_cpus == (0, 1)
    assert cpu.features == cpu.caches == ()


@pytest.mark.parametrize("name", MACHINES)
def test_exactly_the_missing_values_have_reasons(name: str, tmp_path: Path) -> None:
    cpu = read(name, tmp_path)

    absent = {field.name for field in dataclasses.fields(cpu) if getattr(cpu, field.name) is None}
    assert set(cpu.missing) - {"caches"} == absent
    assert ("caches" in cpu.missing) == (cpu.caches == ())
    assert all(cpu.missing.values())
    assert set(cpu.features) <= set(RELEVANT_FEATURES)
    json.dumps(dataclasses.asdict(cpu))


def test_this_machine(tmp_path: Path) -> None:
    lscpu = shutil.which(LSCPU[0])
    if lscpu is None:
        pytest.skip("lscpu is not installed")
    output = subprocess.run(LSCPU, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True).stdout

    cpu = read_cpu(output)

    assert cpu.architecture == os.uname().machine
    assert cpu.affinity_cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert cpu.logical_cpus is not None
    assert cpu.logical_cpus >= len(cpu.affinity_cpus)
    assert cpu.memory_total_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    without = read_cpu(None)
    assert (without.logical_cpus, without.features) == (cpu.logical_cpus, cpu.features)


@pytest.mark.parametrize("text", [None, "", "lscpu: failed", "[]", '{"lscpu": 3}', '{"lscpu": [{"data": "x"}]}'])
def test_malformed_lscpu_output_is_ignored(text: str | None) -> None:
    assert parse_lscpu(text) is None


@pytest.mark.parametrize(
    "named_by",
    [
        {"core_cpus_list": "01"},
        {"thread_siblings_list": "01"},
        {"cluster_id": "01"},
        {"die_id": "01"},
        {"core_id": "01"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_cores_with_the_same_number_are_distinct(
    named_by: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description and the engines both count two cores, though each is number 0 of its cluster."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    values = {"core_id": "00", "physical_package_id": "00", **named_by}
    files = {
        f"sys/devices/system/cpu/cpu{cpu}/topology/{name}": f"{value[cpu]}\n"
        for name, value in values.items()
        for cpu in (0, 1)
    }
    Machine(None, files).write(tmp_path)

    assert read_cpu(None, tmp_path).cores_per_socket == 2
    assert cores_cpus(root=tmp_path) == [{0}, {1}]


def test_smallest_nested_limit_applies(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/a/b/c\n",
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/a/b/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/b/memory.max": "5000000\n",
        "sys/fs/cgroup/a/memory.max": "max\n",
    }

    cpu = read_cpu(None, Machine(None, files).write(tmp_path))

    assert (cpu.cgroup_cpus, cpu.memory_limit_bytes) == (1.5, 5_000_000)


def test_unlimited_groups_of_cgroup_v1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:cpu,cpuacct:/\n5:memory:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }

    cpu = read_cpu(None, Machine(None, files).write(tmp_path))

    assert (cpu.cgroup_cpus, cpu.memory_limit_bytes) == (None, None)
    assert cpu.missing["cgroup_cpus"] == "no control group sets a limit"


@pytest.mark.parametrize(("text", "count"), [("0", 1), ("0-3", 4), ("0-3,8,10-11", 7), ("", 0)])
def test_cpu_lists_are_counted(text: str, count: int) -> None:
    assert count_listed(text) == count


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lscpu": {}}', "[" * 100_000, '{"lscpu": [' + "0," * 10_000 + "0]}"])
def test_what_lscpu_never_prints_is_passed_over(text: str) -> None:
    assert (parse_lscpu(text) or Lscpu({})).fields == {}
